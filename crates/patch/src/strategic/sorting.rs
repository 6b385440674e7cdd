//! Sorting as Go's `sort.SliceStable` does it. That shows where the order is none: kube-apiserver takes an item that it has
//! no place for as less than any other, and so any other less than it.

/// How many items are sorted by inserting one after the other.
const BLOCK: usize = 20;

/// Sorts by what is less, be that an order or not.
pub(super) fn sort<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    items.chunks_mut(BLOCK).for_each(|block| insert_one_by_one(block, less));
    let mut block = BLOCK;
    while block < items.len() {
        for pair in items.chunks_mut(2 * block).filter(|pair| pair.len() > block) {
            merge(pair, block, less);
        }
        block *= 2;
    }
}

fn insert_one_by_one<T>(items: &mut [T], less: &impl Fn(&T, &T) -> bool) {
    for end in 1..items.len() {
        let mut place = end;
        while place > 0 && is_less(items, place, place - 1, less) {
            items.swap(place, place - 1);
            place -= 1;
        }
    }
}

fn is_less<T>(items: &[T], left: usize, right: usize, less: &impl Fn(&T, &T) -> bool) -> bool {
    matches!((items.get(left), items.get(right)), (Some(left), Some(right)) if less(left, right))
}

/// Merges what is sorted before `middle` and from there on, in place (Kim and Kutzner's SymMerge).
fn merge<T>(items: &mut [T], middle: usize, less: &impl Fn(&T, &T) -> bool) {
    let length = items.len();
    if middle == 1 {
        let place = first(1, length, |at| !is_less(items, at, 0, less));
        items.get_mut(..place).into_iter().for_each(|items| items.rotate_left(1));
        return;
    }
    if length - middle == 1 {
        let place = first(0, middle, |at| is_less(items, middle, at, less));
        items.get_mut(place..).into_iter().for_each(|items| items.rotate_right(1));
        return;
    }
    let half = length / 2;
    let both = half + middle;
    let (from, to) = if middle > half { (both - length, half) } else { (0, middle) };
    let start = first(from, to, |at| is_less(items, both - 1 - at, at, less));
    let end = both - start;
    if start < middle && middle < end {
        items.get_mut(start..end).into_iter().for_each(|items| items.rotate_left(middle - start));
    }
    let Some((left, right)) = items.split_at_mut_checked(half) else { return };
    if 0 < start && start < half {
        merge(left, start, less);
    }
    if half < end && end < length {
        merge(right, end - half, less);
    }
}

/// The first place from which on it holds, if it holds behind each for which it holds.
fn first(mut from: usize, mut to: usize, holds: impl Fn(usize) -> bool) -> usize {
    while from < to {
        let at = (from + to) / 2;
        if holds(at) {
            to = at;
        } else {
            from = at + 1;
        }
    }
    from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_an_order_is_sorted_and_equals_keep_theirs() {
        for length in [0, 1, 2, 19, 20, 21, 40, 41, 100, 999] {
            let items: Vec<(usize, usize)> = (0..length).map(|number| (number * 7919 % 13, number)).collect();
            let (mut ours, mut theirs) = (items.clone(), items);
            sort(&mut ours, &|left, right| left.0 < right.0);
            theirs.sort_by_key(|item| item.0);
            assert_eq!(ours, theirs, "{length}");
        }
    }
}
