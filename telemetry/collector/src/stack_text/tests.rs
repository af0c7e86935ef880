use watchfire_schemas::Exception;

use super::*;
use crate::fingerprint::{GroupedBy, fingerprint};

fn frame(function: &str, module: &str, file: &str, line: u64) -> ToldFrame {
    ToldFrame {
        function: function.to_owned(),
        module: module.to_owned(),
        file: file.to_owned(),
        line: Some(line),
        column: None,
        code: String::new(),
    }
}

fn chain(kind: &str, frames: &[ToldFrame; 2]) -> Vec<ToldError> {
    let outer = ToldError {
        kind: kind.to_owned(),
        message: "order 17 failed".to_owned(),
        frames: frames[..1].to_vec(),
        is_by_chance: false,
    };
    let cause = ToldError {
        kind: "IoError".to_owned(),
        message: "reset".to_owned(),
        frames: frames.to_vec(),
        is_by_chance: false,
    };
    vec![outer, cause]
}

/// What is written is what the one parser of stack traces reads.
fn check(runtime: Runtime, frames: &[ToldFrame; 2], functions: &[&str]) {
    let chain = chain("OrderError", frames);
    let exception = Exception {
        kind: "OrderError".to_owned(),
        message: "order 17 failed".to_owned(),
        stacktrace: stack_text(runtime, &chain),
    };
    let found = fingerprint("shop", &exception, None);
    assert_ne!(
        found.grouped_by,
        GroupedBy::Message,
        "{}",
        exception.stacktrace
    );
    let names: Vec<&str> = found.frames.iter().map(|f| f.function.as_str()).collect();
    for function in functions {
        let is_there = names.iter().any(|name| name.ends_with(function));
        assert!(
            is_there,
            "{function} of {names:?} in\n{}",
            exception.stacktrace
        );
    }
}

#[test]
fn each_runtime_is_read_back() {
    let two = |file: &str, module: &str| {
        [
            frame("save", module, file, 12),
            frame("handle", module, file, 90),
        ]
    };
    check(
        Runtime::Python,
        &two("/srv/shop/orders.py", "shop"),
        &["save", "handle"],
    );
    check(
        Runtime::Jvm,
        &two("Orders.java", "com.shop.Orders"),
        &["save", "handle"],
    );
    check(
        Runtime::JavaScript,
        &two("/srv/shop/orders.js", ""),
        &["save", "handle"],
    );
    check(
        Runtime::Go,
        &two("/srv/shop/orders.go", "shop.local/orders"),
        &["save", "handle"],
    );
    check(
        Runtime::Ruby,
        &two("/srv/shop/orders.rb", ""),
        &["save", "handle"],
    );
    check(
        Runtime::Php,
        &two("/srv/shop/orders.php", ""),
        &["save", "handle"],
    );
    check(
        Runtime::DotNet,
        &two("/srv/Orders.cs", "Shop.Orders"),
        &["save", "handle"],
    );
    check(
        Runtime::Native,
        &two("/srv/shop/src/orders.rs", "shop::orders"),
        &["save", "handle"],
    );
}

#[test]
fn python_tells_the_cause_first_and_says_how_it_is_one() {
    let mut chain = chain(
        "shop.OrderError",
        &[
            frame("save", "", "/srv/orders.py", 12),
            frame("handle", "", "/srv/orders.py", 90),
        ],
    );
    let text = stack_text(Runtime::Python, &chain);
    let (first, then) = text.split_once("direct cause of the following").unwrap();
    assert!(first.contains("IoError: reset") && then.ends_with("shop.OrderError: order 17 failed"));
    chain[0].is_by_chance = true;
    assert!(stack_text(Runtime::Python, &chain).contains("During handling of the above"));
}

#[test]
fn no_frames_no_text_and_many_are_cut() {
    assert_eq!(stack_text(Runtime::Go, &[ToldError::default()]), "");
    let deep = ToldError {
        kind: "E".to_owned(),
        frames: vec![frame("f", "", "a.py", 1); 10_000],
        ..ToldError::default()
    };
    assert_eq!(
        stack_text(Runtime::Python, &[deep]).lines().count(),
        MOST_FRAMES + 2
    );
}
