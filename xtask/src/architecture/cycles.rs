//! Cycles in the graph of which file uses which.

use std::collections::{BTreeMap, BTreeSet};

/// The strongly connected components of more than one node, in order.
pub(super) fn cycles<T: Ord + Clone>(edges: &BTreeMap<T, BTreeSet<T>>) -> Vec<BTreeSet<T>> {
    let reachable_from: BTreeMap<&T, BTreeSet<&T>> =
        edges.keys().map(|node| (node, reachable(edges, node))).collect();
    let component = |node: &T| -> BTreeSet<T> {
        let others =
            reachable_from[node].iter().filter(|other| reachable_from[**other].contains(node));
        others.map(|other| (*other).clone()).collect()
    };
    let all: BTreeSet<BTreeSet<T>> = edges.keys().map(component).collect();
    all.into_iter().filter(|cycle| cycle.len() > 1).collect()
}

/// The nodes that can be reached from a node in one step or more.
fn reachable<'a, T: Ord>(edges: &'a BTreeMap<T, BTreeSet<T>>, from: &T) -> BTreeSet<&'a T> {
    let mut reached = BTreeSet::new();
    let mut next: Vec<&T> = edges[from].iter().collect();
    while let Some(node) = next.pop() {
        if reached.insert(node) {
            next.extend(&edges[node]);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_are_found_whatever_leads_to_them() {
        let edges =
            [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("d", ""), ("e", "f"), ("f", "e")];
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(from).or_default().extend((!to.is_empty()).then_some(to));
        }
        assert_eq!(cycles(&graph), [BTreeSet::from(["b", "c"]), BTreeSet::from(["e", "f"])]);
    }
}
