use std::str::FromStr;

use crate::traffic::{Spread, Traffic};
use crate::world::{World, told};

/// Rates of requests a second and shares of errors that are usual somewhere.
const QUIET: [(f64, f64); 4] = [(0.1, 0.05), (1.0, 0.02), (5.0, 0.05), (10.0, 0.02)];
const HISTORY: u64 = 3600;

/// The 95 % upper bound of a Poisson mean of which nothing, one, two, … were seen.
const UPPER_BOUNDS: [f64; 6] = [3.0, 4.74, 6.3, 7.75, 9.15, 10.51];

fn setting<T: FromStr>(name: &str, usual: T) -> T {
    let set = std::env::var(name).ok();
    set.and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A sample of what is run by hand in a release build, for days:
/// `WATCHFIRE_QUIET_MINUTES=1440 WATCHFIRE_QUIET_COPIES=8 WATCHFIRE_QUIET_SEED=2
/// cargo test --release -p watchfire --test default_pack quiet -- --nocapture`.
#[tokio::test]
async fn quiet_traffic_that_comes_in_bursts_wakes_nobody() {
    let minutes: u64 = setting("WATCHFIRE_QUIET_MINUTES", 20);
    let copies: u64 = setting("WATCHFIRE_QUIET_COPIES", 1);
    let seed: u64 = setting("WATCHFIRE_QUIET_SEED", 1);
    let mut traffic = Vec::new();
    for copy in 0..copies {
        for (kind, (rate, errors)) in (0..).zip(QUIET) {
            let service = format!("{rate}-a-second-{copy}");
            let seed = seed * 1000 + copy * 10 + kind;
            traffic.push(Traffic::new(&service, rate, errors, Spread::Bursty, seed));
        }
    }
    let services = traffic.len() as f64;
    let mut world = World::new(traffic).await;
    world.warm_up(HISTORY);
    world.run(HISTORY + minutes * 60, seed).await;
    let pages = world.pages().await;
    for page in &pages {
        println!("{}", told(page, 0));
    }
    let days = services * minutes as f64 / 1440.0;
    let bound = UPPER_BOUNDS.get(pages.len()).map(|most| most / days * 30.0);
    println!(
        "{} pages in {days:.2} service-days, at most {bound:?} in 30 days and service (95 %)",
        pages.len()
    );
    assert!(pages.is_empty(), "{} false pages", pages.len());
}
