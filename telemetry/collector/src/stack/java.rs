use super::{Chain, Section, StackFrame, leading_type, stable_file};

/// `printStackTrace()` of Java, Kotlin and Scala: innermost first, the cause after what it caused.
pub(super) fn read(lines: &[&str]) -> Chain {
    let mut sections = vec![Section::default()];
    let mut suppressed = None;
    let mut cause_first = false;
    for line in lines {
        let text = line.trim_start();
        let margin = line.len() - text.len();
        if suppressed.is_some_and(|suppressed| margin >= suppressed) {
            // What went wrong while closing is no part of how it broke.
            continue;
        }
        suppressed = None;
        let next = text.strip_prefix("Caused by: ");
        if let Some(kind) = next.or_else(|| text.strip_prefix("Wrapped by: ")) {
            cause_first |= next.is_none();
            sections.push(Section {
                kind: leading_type(kind),
                ..Section::default()
            });
        } else if text.starts_with("Suppressed: ") {
            suppressed = Some(margin.max(1));
        } else if let Some(section) = sections.last_mut() {
            if let Some(frame) = text.strip_prefix("at ").and_then(frame) {
                section.frames.push(frame);
            } else if let Some(count) = text.strip_prefix("... ") {
                let count = count.split(' ').next().unwrap_or_default();
                section.elided = count.parse().unwrap_or(0);
            } else if section.frames.is_empty() && section.kind.is_none() {
                section.kind = header_type(text);
            }
        }
    }
    if cause_first {
        sections.reverse();
    }
    Chain { sections }
}

/// `Exception in thread "main" java.lang.IllegalStateException: order 17`
fn header_type(text: &str) -> Option<String> {
    let text = match text.strip_prefix("Exception in thread \"") {
        Some(rest) => rest.split_once("\" ")?.1,
        None => text,
    };
    leading_type(text).filter(|name| name.contains('.'))
}

/// `com.example.Capture.charge(Capture.java:12)`, perhaps with `app//` or `java.base/` before it.
fn frame(call: &str) -> Option<StackFrame> {
    let (path, source) = call.trim_end().split_once('(')?;
    let source = source.split(')').next()?;
    let of_java = SOURCES.iter().any(|extension| source.contains(extension));
    let unknown = [
        "Native Method",
        "Unknown Source",
        "<generated>",
        "SourceFile",
    ];
    if !of_java && !unknown.iter().any(|word| source.starts_with(word)) || path.contains(' ') {
        return None;
    }
    let path = without_loader(path);
    let Some((class, method)) = path.rsplit_once('.') else {
        // A function outside of all classes, as PHP has them.
        let file = source.split(':').next().unwrap_or_default();
        let named = of_java && !path.is_empty();
        return named.then(|| StackFrame::new(stable_file(file, ".php"), path, true));
    };
    if class.is_empty() {
        return None;
    }
    let in_app = !LIBRARIES.iter().any(|library| class.starts_with(library));
    Some(StackFrame::new(
        stable_class(class),
        stable_method(method),
        in_app,
    ))
}

/// Without the class loader and module before a class, and without the address of a hidden one.
fn without_loader(path: &str) -> std::borrow::Cow<'_, str> {
    let is_plain = |rest: &str| !rest.starts_with("0x");
    match path.rsplit_once('/') {
        None => path.into(),
        Some((_, rest)) if is_plain(rest) => rest.into(),
        Some((class, hidden)) => {
            let class = class.rsplit('/').next().unwrap_or_default();
            let method = hidden.split_once('.').map_or("", |(_, method)| method);
            format!("{class}.{method}").into()
        }
    }
}

/// Without what the compiler or a proxy numbers anew: `Foo$$Lambda$14/0x8`, `Foo$1`, `$$EnhancerBySpringCGLIB$$af3`.
fn stable_class(class: &str) -> String {
    let class = class.split("$$").next().unwrap_or_default();
    let parts = class
        .split('$')
        .map(|part| {
            let part = part.split("__").next().unwrap_or_default();
            let named = part.trim_end_matches(|c: char| c.is_ascii_digit());
            let is_made = named.ends_with("Proxy") || named.ends_with("Accessor");
            if is_made { named } else { part }
        })
        .filter(|part| !part.bytes().all(|b| b.is_ascii_digit()));
    parts.collect::<Vec<_>>().join("$")
}

/// `lambda$charge$3`, Kotlin's `charge$lambda$3` and Scala's `$anonfun$charge$3` are parts of `charge`.
fn stable_method(method: &str) -> String {
    for before in ["lambda$", "$anonfun$", "access$"] {
        if let Some(of) = method.strip_prefix(before) {
            return of.split('$').next().unwrap_or_default().to_owned();
        }
    }
    let method = method.split("$lambda").next().unwrap_or_default();
    method.split("$$").next().unwrap_or_default().to_owned()
}

const SOURCES: [&str; 8] = [
    ".java", ".kt", ".scala", ".groovy", ".clj", ".kts", ".php", ".jsp",
];

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
    "android.",
    "androidx.",
    "com.android.",
    "dalvik.",
    "org.springframework.",
    "org.apache.",
    "org.aspectj.",
    "org.hibernate.",
    "org.eclipse.",
    "org.glassfish.",
    "org.junit.",
    "org.mockito.",
    "org.gradle.",
    "org.postgresql.",
    "org.jooq.",
    "org.h2.",
    "org.thymeleaf.",
    "org.codehaus.",
    "org.jetbrains.",
    "net.bytebuddy.",
    "ch.qos.logback.",
    "com.mysql.",
    "com.mongodb.",
    "com.zaxxer.",
    "com.fasterxml.",
    "com.google.",
    "com.amazonaws.",
    "com.squareup.",
    "com.netflix.",
    "software.amazon.",
    "oracle.",
    "feign.",
    "io.lettuce.",
    "io.netty.",
    "io.grpc.",
    "io.ktor.",
    "io.quarkus.",
    "io.micronaut.",
    "io.undertow.",
    "io.micrometer.",
    "io.opentelemetry.",
    "io.vertx.",
    "redis.clients.",
    "reactor.",
    "rx.",
    "akka.",
    "okhttp3.",
    "retrofit2.",
    "org.jboss.",
    "org.slf4j.",
    "Symfony.",
    "Illuminate.",
    "GuzzleHttp.",
    "Doctrine.",
    "Monolog.",
];

#[cfg(test)]
mod tests {
    use super::super::{Stack, check, check_same};

    const CHAINED: &str = "java.lang.IllegalStateException: order 17\n\
        \tat com.shop.Capture.lambda$charge$3(Capture.java:12)\n\
        \tat java.base/java.util.ArrayList.forEach(ArrayList.java:1511)\n\
        \tat com.shop.Main$1.run(Main.java:5)\n\
        \tSuppressed: java.io.IOException: close\n\
        \t\tat com.shop.Closer.close(Closer.java:3)\n\
        \t\t... 2 more\n\
        \tCaused by: java.io.IOException: more\n\
        \t\tat com.shop.Closer.flush(Closer.java:3)\n\
        Caused by: java.sql.SQLException: timeout\n\
        \tat org.postgresql.Driver.connect(Driver.java:31)\n\
        \tat com.shop.Store$$EnhancerBySpringCGLIB$$1f2.load(<generated>)\n\
        \tat com.shop.Capture.lambda$charge$3(Capture.java:10)\n\
        \t... 2 more\n";

    #[test]
    fn the_cause_goes_on_and_numbers_go() {
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
        let root = Stack::parse(CHAINED).root();
        assert_eq!(root.kind.as_deref(), Some("java.sql.SQLException"));
    }

    #[test]
    fn a_trace_with_its_cause_first_is_the_same() {
        check_same(
            "java.sql.SQLException: timeout\n\tat com.shop.Store.load(Store.java:4)\n\tat com.shop.Main.run(Main.java:5)\nWrapped by: java.lang.IllegalStateException: x\n\tat com.shop.Main.run(Main.java:7)\n",
            "java.lang.IllegalStateException: x\n\tat com.shop.Main.run(Main.java:70)\nCaused by: java.sql.SQLException: timeout\n\tat com.shop.Store.load(Store.java:40)\n\tat com.shop.Main.run(Main.java:50)\n",
        );
    }

    #[test]
    fn what_a_machine_names_keeps_no_number() {
        check(
            "com.shop.E: x\n\tat app//com.shop.Main$$Lambda$14/0x0000000800c03000.run(Unknown Source)\n\tat com.shop.Main$$Lambda/0x00007f1c2c000a08.run(Unknown Source)\n\tat com.sun.proxy.$Proxy42.load(Unknown Source)\n\tat com.shop.PayKt.charge$lambda$0(Pay.kt:3)\n\tat com.shop.Api$handle$2.invokeSuspend(Api.kt:9)\n\tat jdk.internal.reflect.GeneratedMethodAccessor17.invoke(Unknown Source)\n",
            &[
                ("com.shop.Main.run", true),
                ("com.sun.proxy.$Proxy.load", false),
                ("com.shop.PayKt.charge", true),
                ("com.shop.Api$handle.invokeSuspend", true),
                ("jdk.internal.reflect.GeneratedMethodAccessor.invoke", false),
            ],
        );
    }
}
