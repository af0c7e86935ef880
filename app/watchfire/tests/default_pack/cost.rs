use std::time::Duration;

use crate::traffic::{Fault, Spread, Traffic};
use crate::world::World;

const SERVICES: usize = 40;
const OPERATIONS: usize = 5;
const FAILS: u64 = 4800;

/// A round of evaluation with 200 operations, quiet and while one of them fails. By hand, in a
/// release build: `cargo test --release -p watchfire --test default_pack cost -- --ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement, to be read by hand from a release build"]
async fn a_round_over_two_hundred_operations_is_timed() {
    let mut traffic = Vec::new();
    for service in 0..SERVICES {
        for operation in 0..OPERATIONS {
            let names = (format!("service-{service}"), format!("GET /{operation}"));
            let seed = (service * OPERATIONS + operation) as u64;
            let usual = (1.0, 0.01);
            traffic.push(Traffic::of_operation(
                &names.0,
                &names.1,
                usual,
                Spread::Bursty,
                seed,
            ));
        }
    }
    let failing = traffic.pop().unwrap();
    traffic.push(failing.with(Fault::Fails(1.0), FAILS..FAILS + 300));
    let mut world = World::new(traffic).await;
    world.warm_up(FAILS - 100);
    world.run(FAILS, 0).await;
    let quiet = median(std::mem::take(&mut world.rounds));
    world.run(FAILS + 60, 0).await;
    assert!(!world.pages().await.is_empty());
    let failing = median(std::mem::take(&mut world.rounds));
    println!("a round takes {quiet:?}, while one operation fails {failing:?}");
}

fn median(mut rounds: Vec<Duration>) -> Duration {
    rounds.sort_unstable();
    rounds[rounds.len() / 2]
}
