# The binary, and nothing else that runs. Built in one stage, shipped in another.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY . .
RUN cargo build --locked --profile dist --bin watchfire

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates tzdata && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 7117 --home-dir /data watchfire && install -d -o watchfire /data
COPY --from=build /source/target/dist/watchfire /usr/local/bin/watchfire
USER watchfire
VOLUME /data
ENV WATCHFIRE_DATA_DIR=/data
EXPOSE 7117 4317 4318
ENTRYPOINT ["watchfire"]
CMD ["serve"]
