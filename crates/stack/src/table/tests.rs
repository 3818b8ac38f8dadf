use super::*;
use alloc::collections::BTreeMap;
use proptest::prelude::*;

#[test]
fn equal_hashes_are_told_apart_by_the_caller() {
    let mut index = Index::new();
    (0..10).for_each(|value| index.insert(7, value));
    assert_eq!(index.find(7, |value| value == 3), Some(3));
    assert_eq!(index.find(7, |value| value == 11), None);
    assert!(index.remove(7, 3));
    assert!(!index.remove(7, 3));
    assert_eq!(index.find(7, |value| value == 3), None);
}

#[test]
fn chains_stay_short_while_it_grows() {
    let mut index = Index::new();
    let hash = |n: u32| u64::from(n).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23);
    let mut worst = 0;
    for n in 0..100_000 {
        index.insert(hash(n), n);
        let mut steps = 0;
        let mut at = index.buckets.get(index.bucket(hash(n)));
        while let Some(node) = index.node(at) {
            steps += 1;
            at = node.next;
        }
        worst = worst.max(steps);
    }
    assert!(worst <= 16, "a chain of {worst}");
    assert!((0..100_000).all(|n| index.find(hash(n), |value| value == n) == Some(n)));
}

proptest! {
    #[test]
    fn it_is_a_multimap(steps in prop::collection::vec((any::<bool>(), 0u64..64, 0u32..40), 0..800)) {
        let mut index = Index::new();
        let mut model = BTreeMap::new();
        for (add, hash, value) in steps {
            let spread = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            if add {
                if model.insert((hash, value), ()).is_none() {
                    index.insert(spread, value);
                }
            } else {
                prop_assert_eq!(index.remove(spread, value), model.remove(&(hash, value)).is_some());
            }
            prop_assert_eq!(index.len(), model.len());
            let found = index.find(spread, |other| other == value).is_some();
            prop_assert_eq!(found, model.contains_key(&(hash, value)));
        }
    }
}
