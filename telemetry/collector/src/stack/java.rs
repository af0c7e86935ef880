use super::{Section, Stack, StackFrame, leading_type};

/// `printStackTrace()` of Java, Kotlin and Scala: innermost first, the cause after what it caused.
pub(super) fn read(lines: &[&str]) -> Stack {
    let mut sections = vec![Section::default()];
    for line in lines {
        let line = line.trim_start();
        if let Some(cause) = line.strip_prefix("Caused by: ") {
            sections.push(Section {
                cause: leading_type(cause),
                ..Section::default()
            });
        } else if let Some(frame) = line.strip_prefix("at ").and_then(frame)
            && let Some(section) = sections.last_mut()
        {
            section.frames.push(frame);
        }
    }
    sections.reverse();
    Stack::of_sections(sections)
}

/// `com.example.Capture.charge(Capture.java:12)`, perhaps with `app//` or `java.base/` before it.
fn frame(call: &str) -> Option<StackFrame> {
    let (path, source) = call.trim_end().split_once('(')?;
    let source = source.split(')').next()?;
    let of_java = [".java", ".kt", ".scala", ".groovy", ".clj"]
        .iter()
        .any(|extension| source.contains(extension));
    if !of_java && !matches!(source, "Native Method" | "Unknown Source" | "<generated>") {
        return None;
    }
    let path = path.rsplit('/').next()?;
    let (class, method) = path.rsplit_once('.')?;
    if class.is_empty() || path.contains(' ') {
        return None;
    }
    let in_app = !LIBRARIES.iter().any(|library| class.starts_with(library));
    Some(StackFrame::new(
        stable_class(class),
        stable_method(method),
        in_app,
    ))
}

/// Without what the compiler or a proxy numbers anew: `Foo$$Lambda$14/0x8`, `Foo$1`, `$$EnhancerBySpringCGLIB$$af3`.
fn stable_class(class: &str) -> String {
    let class = class.split("$$").next().unwrap_or_default();
    let parts = class
        .split('$')
        .filter(|part| !part.bytes().all(|b| b.is_ascii_digit()));
    parts.collect::<Vec<_>>().join("$")
}

/// `lambda$charge$3` is a part of `charge`.
fn stable_method(method: &str) -> String {
    match method.strip_prefix("lambda$") {
        Some(of) => of.split('$').next().unwrap_or_default().to_owned(),
        None => method.split("$$").next().unwrap_or_default().to_owned(),
    }
}

const LIBRARIES: &[&str] = &[
    "java.",
    "javax.",
    "jdk.",
    "sun.",
    "com.sun.",
    "jakarta.",
    "kotlin.",
    "kotlinx.",
    "scala.",
    "clojure.",
    "groovy.",
    "org.springframework.",
    "org.apache.",
    "org.hibernate.",
    "org.eclipse.",
    "org.junit.",
    "org.gradle.",
    "org.postgresql.",
    "com.mysql.",
    "com.zaxxer.",
    "com.fasterxml.",
    "com.google.",
    "io.netty.",
    "io.grpc.",
    "io.undertow.",
    "io.micrometer.",
    "io.opentelemetry.",
    "io.vertx.",
    "reactor.",
    "rx.",
    "akka.",
    "okhttp3.",
    "retrofit2.",
    "org.jboss.",
    "org.slf4j.",
];

#[cfg(test)]
mod tests {
    use super::super::{Stack, check};

    const CHAINED: &str = "java.lang.IllegalStateException: order 17\n\
        \tat com.shop.Capture.lambda$charge$3(Capture.java:12)\n\
        \tat java.base/java.util.ArrayList.forEach(ArrayList.java:1511)\n\
        \tat com.shop.Main$1.run(Main.java:5)\n\
        Caused by: java.sql.SQLException: timeout\n\
        \tat org.postgresql.Driver.connect(Driver.java:31)\n\
        \tat com.shop.Store$$EnhancerBySpringCGLIB$$1f2.load(<generated>)\n\
        \t... 12 more\n";

    #[test]
    fn the_cause_comes_first_and_numbers_go() {
        check(
            CHAINED,
            &[
                ("org.postgresql.Driver.connect", false),
                ("com.shop.Store.load", true),
                ("com.shop.Capture.charge", true),
                ("java.util.ArrayList.forEach", false),
                ("com.shop.Main.run", true),
            ],
        );
        assert_eq!(Stack::parse(CHAINED).causes, ["java.sql.SQLException"]);
    }
}
