//! What was used last, within so many bytes.

use std::collections::BTreeMap;

/// Keeps values until they cost too much together; then the one that was not asked for the longest goes.
#[derive(Debug)]
pub(super) struct Cache<K, V> {
    most: usize,
    cost: usize,
    clock: u64,
    entries: BTreeMap<K, Entry<V>>,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    cost: usize,
    used: u64,
}

impl<K, V> Default for Cache<K, V> {
    /// Keeps nothing.
    fn default() -> Self {
        Self { most: 0, cost: 0, clock: 0, entries: BTreeMap::new() }
    }
}

impl<K: Ord + Clone, V: Clone> Cache<K, V> {
    /// With room for values of this cost.
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn get(&mut self, key: &K) -> Option<V> {
        self.clock += 1;
        let entry = self.entries.get_mut(key)?;
        entry.used = self.clock;
        Some(entry.value.clone())
    }

    /// One that costs more than there is room for is not kept.
    pub(super) fn put(&mut self, key: K, value: V, cost: usize) {
        if cost > self.most {
            return;
        }
        self.clock += 1;
        let entry = Entry { value, cost, used: self.clock };
        if let Some(old) = self.entries.insert(key, entry) {
            self.cost -= old.cost;
        }
        self.cost += cost;
        while self.cost > self.most {
            let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.used).map(|(key, _)| key.clone());
            let Some(gone) = oldest.and_then(|key| self.entries.remove(&key)) else { return };
            self.cost -= gone.cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Cache;

    #[test]
    fn what_was_not_used_the_longest_goes_first() {
        let mut cache = Cache::new(100);
        cache.put(1, "one", 40);
        cache.put(2, "two", 40);
        assert_eq!(cache.get(&1), Some("one"));
        cache.put(3, "three", 40);
        assert_eq!((cache.get(&1), cache.get(&2), cache.get(&3)), (Some("one"), None, Some("three")));
        cache.put(3, "larger", 101);
        assert_eq!(cache.get(&3), Some("three"), "what finds no room changes nothing");
        cache.put(3, "smaller", 1);
        cache.put(4, "four", 59);
        assert_eq!((cache.get(&1), cache.get(&3), cache.get(&4)), (Some("one"), Some("smaller"), Some("four")));
    }
}
