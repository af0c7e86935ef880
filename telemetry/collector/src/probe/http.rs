use bytes::Bytes;
use http::header::{CONTENT_LENGTH, HOST, HeaderValue, LOCATION, USER_AGENT};
use http::{Request, Response, StatusCode, Uri, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::HttpProbe;
use super::connection::{Endpoint, Steps};
use super::findings::Findings;

const PHASES: &str = "probe_http_duration_seconds";
/// How many redirects are followed, and how much of a body is read.
const MOST_REDIRECTS: usize = 10;
const LARGEST_BODY: usize = 8 << 20;

/// An answer, wholly read.
struct Answer {
    status: StatusCode,
    location: Option<String>,
    body: Vec<u8>,
}

impl HttpProbe {
    /// Whether the answer is as expected; why not, if not.
    pub(crate) async fn run(&self, findings: &mut Findings) -> Result<(), String> {
        let mut url = self.url.clone();
        let mut redirects = 0;
        let answer = loop {
            let answer = self.ask(&url, redirects == 0, findings).await?;
            findings.put("probe_http_redirects", redirects as f64);
            match &answer.location {
                Some(location) if self.follow_redirects => {
                    if redirects == MOST_REDIRECTS {
                        return Err(format!("more than {MOST_REDIRECTS} redirects"));
                    }
                    redirects += 1;
                    url = joined(&url, location)?;
                }
                _ => break answer,
            }
        };
        self.judge(&answer, findings)
    }

    fn judge(&self, answer: &Answer, findings: &mut Findings) -> Result<(), String> {
        let status = answer.status;
        let is_expected = match self.expected_status.as_slice() {
            [] => status.is_success(),
            expected => expected.contains(&status.as_u16()),
        };
        let text = String::from_utf8_lossy(&answer.body);
        let body = self.expected_body.as_ref();
        let lacks = body.filter(|expected| !expected.is_match(&text));
        findings.flag("probe_failed_due_to_regex", lacks.is_some());
        if !is_expected {
            return Err(format!("the answer is {status}"));
        }
        match lacks {
            Some(expected) => Err(format!("the body does not match {:?}", expected.as_str())),
            None => Ok(()),
        }
    }

    /// One request over a connection of its own, phase by phase.
    async fn ask(
        &self,
        url: &Uri,
        is_first: bool,
        findings: &mut Findings,
    ) -> Result<Answer, String> {
        let endpoint = endpoint(url, self.insecure_skip_verify)?;
        let mut steps = Steps::default();
        let connected = endpoint.connect(findings, &mut steps).await;
        findings.phase(PHASES, "resolve", steps.resolve);
        findings.phase(PHASES, "connect", steps.connect);
        if let Some(tls) = steps.tls {
            findings.phase(PHASES, "tls", tls);
        }
        let stream = connected?;
        let told = |error: hyper::Error| format!("the connection broke off: {error}");
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(told)?;
        // Ends with this request.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let began = Instant::now();
        let response = sender.send_request(self.request(url, is_first)?).await;
        findings.phase(PHASES, "processing", began.elapsed());
        let response = response.map_err(told)?;
        describe(&response, endpoint.tls, findings);
        let began = Instant::now();
        let answer = read(response).await;
        findings.phase(PHASES, "transfer", began.elapsed());
        answer
    }

    /// What follows a redirect is a plain `GET`, without the headers that were for another host.
    fn request(&self, url: &Uri, is_first: bool) -> Result<Request<Full<Bytes>>, String> {
        let path = url.path_and_query().map_or("/", |path| path.as_str());
        let mut request = Request::builder().uri(path);
        let is_same_host = url.authority() == self.url.authority();
        if is_first {
            request = request.method(self.method.clone());
        }
        let body = if is_first {
            self.body.clone()
        } else {
            String::new()
        };
        let mut request = request
            .body(Full::from(body))
            .map_err(|error| error.to_string())?;
        let headers = request.headers_mut();
        if is_same_host {
            headers.extend(self.headers.clone());
        }
        let host = url.authority().map_or("", |authority| authority.as_str());
        let host = HeaderValue::from_str(host).map_err(|error| error.to_string())?;
        headers.entry(HOST).or_insert(host);
        let agent = HeaderValue::from_static(concat!("Watchfire/", env!("CARGO_PKG_VERSION")));
        headers.entry(USER_AGENT).or_insert(agent);
        Ok(request)
    }
}

fn endpoint(url: &Uri, insecure_skip_verify: bool) -> Result<Endpoint, String> {
    let tls = url.scheme_str() == Some("https");
    let host = url.host().ok_or_else(|| format!("{url} names no host"))?;
    Ok(Endpoint {
        host: host
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: url.port_u16().unwrap_or(if tls { 443 } else { 80 }),
        tls,
        insecure_skip_verify,
    })
}

fn describe(response: &Response<Incoming>, tls: bool, findings: &mut Findings) {
    findings.put(
        "probe_http_status_code",
        f64::from(response.status().as_u16()),
    );
    let version = if response.version() == Version::HTTP_10 {
        1.0
    } else {
        1.1
    };
    findings.put("probe_http_version", version);
    findings.flag("probe_http_ssl", tls);
    let length = response.headers().get(CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
    findings.put("probe_http_content_length", length.unwrap_or(-1.0));
}

async fn read(response: Response<Incoming>) -> Result<Answer, String> {
    let status = response.status();
    let location = response
        .headers()
        .get(LOCATION)
        .filter(|_| status.is_redirection());
    let location = location.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned());
    let mut incoming = response.into_body();
    let mut body = Vec::new();
    while let Some(frame) = incoming.frame().await {
        let frame = frame.map_err(|error| format!("the body broke off: {error}"))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if body.len() + data.len() > LARGEST_BODY {
            return Err(format!("the body is larger than {LARGEST_BODY} bytes"));
        }
        body.extend_from_slice(&data);
    }
    Ok(Answer {
        status,
        location,
        body,
    })
}

/// Where a redirect leads.
fn joined(url: &Uri, location: &str) -> Result<Uri, String> {
    let wrong = || format!("the redirect to {location:?} leads nowhere");
    let scheme = url.scheme_str().unwrap_or("http");
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let absolute = if location.starts_with("http://") || location.starts_with("https://") {
        location.to_owned()
    } else if let Some(rest) = location.strip_prefix("//") {
        format!("{scheme}://{rest}")
    } else if location.starts_with('/') {
        format!("{scheme}://{authority}{location}")
    } else {
        let folder = url.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        format!("{scheme}://{authority}{folder}/{location}")
    };
    let absolute = absolute.split('#').next().unwrap_or_default();
    absolute.parse().map_err(|_| wrong())
}

#[cfg(test)]
mod tests;
