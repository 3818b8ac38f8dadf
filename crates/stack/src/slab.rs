//! A slab of fixed pages: nothing moves when it grows, empty pages are freed, and a key with an
//! old generation finds nothing.

use alloc::boxed::Box;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

#[cfg(test)]
mod tests;

const PAGE: usize = 64;
/// Pages at most: the last slot number stays free to mean none.
const PAGES: u32 = u32::MAX / PAGE as u32;

/// Where a value lies, and which of the values that lay there it is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) struct Key {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

struct Slot<T> {
    generation: u32,
    next_free: u32,
    value: Option<T>,
}

struct Page<T> {
    slots: Box<[Slot<T>]>,
    used: u32,
}

/// Values by [`Key`]. Lowest free pages are filled first, so that others empty and are freed.
pub(crate) struct Slab<T> {
    pages: Vec<Option<Page<T>>>,
    /// Generation to give to slots of a page that was freed and comes back.
    epoch: u32,
    generation_mask: u32,
    /// Heads of the pages' free lists, `NONE` for a full page.
    free_heads: Vec<u32>,
    /// Pages that may have a free slot (checked when popped).
    partial: BTreeSet<u32>,
    /// Pages that were freed.
    vacant: BTreeSet<u32>,
    len: usize,
}

const NONE: u32 = u32::MAX;

impl<T> Slab<T> {
    /// An empty slab whose generations have `generation_bits` bits (at most 32).
    pub(crate) fn new(generation_bits: u32) -> Self {
        Self {
            pages: Vec::new(),
            epoch: 0,
            generation_mask: u32::MAX
                .checked_shr(32u32.saturating_sub(generation_bits))
                .unwrap_or(0),
            free_heads: Vec::new(),
            partial: BTreeSet::new(),
            vacant: BTreeSet::new(),
            len: 0,
        }
    }

    /// How many values there are.
    pub(crate) const fn len(&self) -> usize {
        self.len
    }

    /// Bytes that the pages take.
    #[cfg(test)]
    pub(crate) fn memory(&self) -> usize {
        let pages = self.pages.iter().flatten().count();
        pages.saturating_mul(PAGE).saturating_mul(size_of::<Slot<T>>())
    }

    /// Stores a value; `None` if four billion are stored already.
    pub(crate) fn insert(&mut self, value: T) -> Option<Key> {
        let page_number = match self.partial.first() {
            Some(&number) => number,
            None => self.new_page()?,
        };
        let page_index = page_number as usize;
        let head = *self.free_heads.get(page_index)?;
        let page = self.pages.get_mut(page_index)?.as_mut()?;
        let slot = page.slots.get_mut(head as usize)?;
        slot.value = Some(value);
        let generation = slot.generation;
        let next = slot.next_free;
        page.used = page.used.saturating_add(1);
        self.len = self.len.saturating_add(1);
        if let Some(entry) = self.free_heads.get_mut(page_index) {
            *entry = next;
        }
        if next == NONE {
            self.partial.remove(&page_number);
        }
        let slot = page_number.checked_mul(PAGE as u32)?.checked_add(head)?;
        Some(Key { slot, generation })
    }

    fn new_page(&mut self) -> Option<u32> {
        let generation = self.epoch & self.generation_mask;
        let slots: Vec<Slot<T>> = (1..=PAGE as u32)
            .map(|next| Slot {
                generation,
                next_free: if next == PAGE as u32 { NONE } else { next },
                value: None,
            })
            .collect();
        let page = Page { slots: slots.into_boxed_slice(), used: 0 };
        let vacant = self.vacant.pop_first().map(|number| number as usize);
        let number = vacant.unwrap_or(self.pages.len());
        let page_number = u32::try_from(number).ok().filter(|n| *n < PAGES)?;
        if number == self.pages.len() {
            self.pages.push(Some(page));
            self.free_heads.push(0);
        } else {
            *self.pages.get_mut(number)? = Some(page);
            *self.free_heads.get_mut(number)? = 0;
        }
        self.partial.insert(page_number);
        Some(page_number)
    }

    fn slot(&self, slot: u32) -> Option<&Slot<T>> {
        let page = self.pages.get(slot as usize / PAGE)?.as_ref()?;
        page.slots.get(slot as usize % PAGE)
    }

    fn slot_mut(&mut self, slot: u32) -> Option<&mut Slot<T>> {
        let page = self.pages.get_mut(slot as usize / PAGE)?.as_mut()?;
        page.slots.get_mut(slot as usize % PAGE)
    }

    /// The value, unless the key is stale.
    pub(crate) fn get(&self, key: Key) -> Option<&T> {
        self.slot(key.slot).filter(|slot| slot.generation == key.generation)?.value.as_ref()
    }

    /// The value to be changed, unless the key is stale.
    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slot_mut(key.slot).filter(|slot| slot.generation == key.generation)?.value.as_mut()
    }

    /// The key of the value in a slot, whatever its generation.
    pub(crate) fn key_at(&self, slot: u32) -> Option<Key> {
        let found = self.slot(slot)?;
        found.value.as_ref()?;
        Some(Key { slot, generation: found.generation })
    }

    /// Takes the value out; the key is stale from then on.
    pub(crate) fn remove(&mut self, key: Key) -> Option<T> {
        let page_number = (key.slot as usize / PAGE) as u32;
        let head = *self.free_heads.get(page_number as usize)?;
        let mask = self.generation_mask;
        let slot = self.slot_mut(key.slot).filter(|slot| slot.generation == key.generation)?;
        let value = slot.value.take()?;
        slot.generation = slot.generation.wrapping_add(1) & mask;
        slot.next_free = head;
        let generation = slot.generation;
        if let Some(entry) = self.free_heads.get_mut(page_number as usize) {
            *entry = (key.slot as usize % PAGE) as u32;
        }
        self.len = self.len.saturating_sub(1);
        self.partial.insert(page_number);
        // A page that comes back starts above every generation it had, so old keys stay stale.
        self.epoch = self.epoch.max(generation);
        let page = self.pages.get_mut(page_number as usize)?;
        if let Some(full) = page {
            full.used = full.used.saturating_sub(1);
            // The first page stays: a stack that opens and closes one socket does not allocate.
            if full.used == 0 && page_number > 0 {
                self.epoch =
                    full.slots.iter().map(|slot| slot.generation).fold(self.epoch, u32::max);
                *page = None;
                self.partial.remove(&page_number);
                self.vacant.insert(page_number);
            }
        }
        Some(value)
    }

    /// All values in slot order. For views and tests: nothing in the packet path scans.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (Key, &T)> {
        self.pages.iter().enumerate().flat_map(|(number, page)| {
            let first = (number as u32).saturating_mul(PAGE as u32);
            page.iter().flat_map(|page| page.slots.iter()).enumerate().filter_map(
                move |(index, slot)| {
                    let key = Key {
                        slot: first.saturating_add(index as u32),
                        generation: slot.generation,
                    };
                    slot.value.as_ref().map(|value| (key, value))
                },
            )
        })
    }
}
