use super::*;

#[test]
fn targets_are_spread_and_stay_where_they_are() {
    let interval = Duration::from_secs(10);
    let place = |now: i64, hash| {
        let now = Timestamp::from_millis(now);
        (now + offset(interval, now, hash)).millis() % 10_000
    };
    let hash = 3_000_000_000;
    assert_eq!(place(0, hash), 3_000);
    assert_eq!(place(1_795_327_207_123, hash), 3_000);
    assert_eq!(place(1_795_327_202_999, hash), 3_000);
    assert!(offset(interval, Timestamp::from_millis(5), u64::MAX) < interval);
}

#[test]
fn a_scrape_that_is_nearly_on_time_is_dated_as_if_it_were() {
    let mut dates = Dates::new(Duration::from_secs(1));
    let told: Vec<i64> = [1000, 2001, 3002, 4005, 5004, 7000]
        .map(|now| dates.date(now))
        .into();
    assert_eq!(told, [1000, 2000, 3000, 4005, 5005, 7000]);
}
