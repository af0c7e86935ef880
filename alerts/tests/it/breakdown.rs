use std::time::Duration;

use crate::house::House;

const RULES: &str = "
groups:
  - name: test
    interval: 1s
    rules:
      - alert: Surge
        expr: exceptions_total{service='content'} > 20
";

/// Lets the rules' clock run until something holds, for as long as a busy machine may take.
async fn until(house: &House, holds: impl Fn() -> bool) -> bool {
    for _ in 0..600 {
        if holds() {
            return true;
        }
        house.clock.advance(Duration::from_secs(1));
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    false
}

#[tokio::test]
async fn an_evaluation_that_panics_does_not_end_the_watch() {
    let house = House::open(RULES, 100).await;
    assert!(until(&house, || house.script.answered() > 0).await);
    house.script.panic_once();
    assert!(
        until(&house, || !house.script.is_explosive()).await,
        "nobody asked"
    );
    let before = house.script.answered();
    assert!(
        until(&house, || house.script.answered() > before + 1).await,
        "its rules were never evaluated again"
    );
}
