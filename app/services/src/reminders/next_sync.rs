use std::time::Duration;

use sha2::{Digest, Sha256};
use watchfire_schemas::Timestamp;

use crate::reminders::name::Name;

/// A device comes once in so long.
const PERIOD: Duration = Duration::from_hours(1);
/// It is not told to come sooner than this.
const SOONEST: Duration = Duration::from_mins(15);

/// When a device should come again. Each has a second of the hour of its own, drawn from its name:
/// clients that all came on the hour are spread evenly by the next one, and stay so. A device that
/// asks again and again is told the same.
pub(crate) fn next_sync(person: &Name, device: &Name, now: Timestamp) -> Timestamp {
    let mut hasher = Sha256::new();
    hasher.update(person.as_str());
    hasher.update([0]);
    hasher.update(device.as_str());
    let drawn: [u8; 32] = hasher.finalize().into();
    let drawn = u64::from_be_bytes(*drawn.first_chunk().expect("there are 32 bytes"));
    let second = Duration::from_secs(drawn % PERIOD.as_secs());
    let soonest = now + SOONEST;
    let slot = soonest.floor(PERIOD) + second;
    if slot < soonest { slot + PERIOD } else { slot }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_that_come_on_the_hour_are_spread_over_the_next() {
        let now = Timestamp::from_secs(1_800_000_000).floor(PERIOD);
        let phone = Name::try_from("phone".to_owned()).unwrap();
        let mut by_minute = [0_u32; 60];
        for n in 0..20_000 {
            let person = Name::try_from(format!("person-{n}")).unwrap();
            let next = next_sync(&person, &phone, now);
            let after = next.since(now);
            assert!((SOONEST..SOONEST + PERIOD).contains(&after), "{after:?}");
            by_minute[(next.since(next.floor(PERIOD)).as_secs() / 60) as usize] += 1;
            // Who asks a little later keeps the place.
            let again = next_sync(&person, &phone, next - SOONEST);
            assert_eq!(again, next);
        }
        // 333 a minute; the chance that one of them is beyond 430 is below one in a million.
        assert!(by_minute.iter().all(|count| *count < 430), "{by_minute:?}");
    }
}
