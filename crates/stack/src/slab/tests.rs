use super::*;
use alloc::collections::BTreeMap;
use proptest::prelude::*;

#[test]
fn a_stale_key_finds_nothing_even_after_its_page_was_freed() {
    let mut slab = Slab::new(24);
    let keys: Vec<Key> = (0..200).filter_map(|n| slab.insert(n)).collect();
    let before = slab.memory();
    keys.iter().for_each(|key| assert!(slab.remove(*key).is_some()));
    assert!(slab.memory() < before / 2, "empty pages are freed");
    let again: Vec<Key> = (0..200).filter_map(|n| slab.insert(n)).collect();
    keys.iter().for_each(|key| assert!(slab.get(*key).is_none(), "{key:?}"));
    assert_eq!(again.iter().filter(|key| slab.get(**key).is_some()).count(), 200);
}

proptest! {
    #[test]
    fn it_is_a_map(steps in prop::collection::vec(any::<(bool, u16)>(), 0..600)) {
        let mut slab = Slab::new(24);
        let mut model = BTreeMap::new();
        let mut gone = Vec::new();
        for (n, (add, pick)) in steps.into_iter().enumerate() {
            if add || model.is_empty() {
                let key = slab.insert(n).expect("far from four billion");
                prop_assert!(model.insert(key, n).is_none());
            } else {
                let key = *model.keys().nth(usize::from(pick) % model.len()).expect("not empty");
                prop_assert_eq!(slab.remove(key), model.remove(&key));
                gone.push(key);
            }
        }
        prop_assert_eq!(slab.len(), model.len());
        prop_assert!(gone.iter().all(|key| slab.get(*key).is_none() && slab.remove(*key).is_none()));
        let listed: Vec<_> = slab.iter().map(|(key, value)| (key, *value)).collect();
        prop_assert_eq!(listed, model.into_iter().collect::<Vec<_>>());
    }
}
