//! How often something may happen. The clock is the caller's.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// An even rate with room for a burst.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    pub(crate) per_second: u32,
    /// How many at once after a rest; at least one.
    pub(crate) burst: u32,
}

impl Rate {
    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }
}

/// A token bucket, kept as the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371).
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// A full one.
    pub(crate) fn new(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes one token if there is one.
    pub(crate) fn take(&mut self, now: Instant, rate: Rate) -> bool {
        let full_at = self.full_at.max(now) + rate.interval();
        let fits = full_at - now <= rate.interval() * rate.burst.max(1);
        if fits {
            self.full_at = full_at;
        }
        fits
    }
}

/// A bucket for each network that did something lately.
///
/// At most `most` of them are kept. Full ones are forgotten first, which changes nothing; with too many busy networks
/// the rest share one bucket, so that a flood of addresses costs newcomers their turn and not us our memory.
#[derive(Debug)]
pub(crate) struct Buckets {
    rate: Rate,
    most: usize,
    by_network: HashMap<IpAddr, Bucket>,
    shared: Bucket,
    swept: Instant,
}

impl Buckets {
    const SWEEP_EVERY: Duration = Duration::from_secs(1);

    pub(crate) fn new(now: Instant, rate: Rate, most: usize) -> Self {
        Self { rate, most, by_network: HashMap::new(), shared: Bucket::new(now), swept: now }
    }

    /// Takes a token of the address's network.
    pub(crate) fn take(&mut self, now: Instant, address: IpAddr) -> bool {
        let network = network(address);
        if let Some(bucket) = self.by_network.get_mut(&network) {
            return bucket.take(now, self.rate);
        }
        if self.by_network.len() >= self.most && now >= self.swept + Self::SWEEP_EVERY {
            self.swept = now;
            self.by_network.retain(|_, bucket| bucket.full_at > now);
        }
        if self.by_network.len() >= self.most {
            return self.shared.take(now, self.rate);
        }
        self.by_network.entry(network).or_insert(Bucket::new(now)).take(now, self.rate)
    }
}

/// What counts as one address: a whole one of IPv4, the first 64 bits of IPv6, of which one household has all.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: Rate = Rate { per_second: 10, burst: 3 };

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let now = Instant::now();
        let mut bucket = Bucket::new(now);
        assert_eq!([(); 4].map(|()| bucket.take(now, RATE)), [true, true, true, false]);
        let just_under = now + Duration::from_millis(99);
        assert!(!bucket.take(just_under, RATE));
        let just_over = now + Duration::from_millis(100);
        assert!(bucket.take(just_over, RATE));
        assert!(!bucket.take(just_over, RATE));
        let rested = now + Duration::from_secs(60);
        assert_eq!([(); 4].map(|()| bucket.take(rested, RATE)), [true, true, true, false]);
    }

    #[test]
    fn one_network_does_not_use_up_another() {
        let now = Instant::now();
        let mut buckets = Buckets::new(now, RATE, 10);
        let [a, b] = ["192.0.2.1", "192.0.2.2"].map(|ip| ip.parse().expect("an address"));
        assert_eq!([(); 4].map(|()| buckets.take(now, a)), [true, true, true, false]);
        assert!(buckets.take(now, b));
    }

    #[test]
    fn a_household_is_one_network_however_it_writes_itself() {
        let [a, b, other] =
            ["2001:db8::1", "2001:db8::ffff:2", "2001:db8:0:1::1"].map(|ip| ip.parse().expect("an address"));
        assert_eq!(network(a), network(b));
        assert_ne!(network(a), network(other));
        let [mapped, plain] = ["::ffff:192.0.2.1", "192.0.2.1"].map(|ip| ip.parse().expect("an address"));
        assert_eq!(network(mapped), network(plain));
    }

    #[test]
    fn a_flood_of_addresses_stays_within_the_bound() {
        let now = Instant::now();
        let mut buckets = Buckets::new(now, RATE, 100);
        let address = |n: u32| IpAddr::from(n.to_be_bytes());
        let passed = (0..10_000).filter(|n| buckets.take(now, address(*n))).count();
        assert_eq!(passed, 100 + 3, "those with a bucket of their own, and the shared burst");
        assert_eq!(buckets.by_network.len(), 100);
        let later = now + Duration::from_secs(2);
        assert!(buckets.take(later, address(20_000)), "rested buckets are forgotten");
        assert_eq!(buckets.by_network.len(), 1);
    }
}
