//! Files that use each other in a circle.

use std::collections::{BTreeMap, BTreeSet};

/// The largest sets of nodes in which each one leads to each other one, in order.
pub(super) fn circles<T: Ord + Clone>(edges: &BTreeMap<T, BTreeSet<T>>) -> Vec<BTreeSet<T>> {
    let reach: BTreeMap<&T, BTreeSet<&T>> =
        edges.keys().map(|node| (node, reachable(edges, node))).collect();
    let circle = |node: &T| -> BTreeSet<T> {
        let others = reach[node].iter().filter(|other| reach[**other].contains(node));
        others.map(|other| (*other).clone()).collect()
    };
    let all: BTreeSet<BTreeSet<T>> = edges.keys().map(circle).collect();
    all.into_iter().filter(|circle| circle.len() > 1).collect()
}

/// What can be reached from a node, by one step or more.
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
    fn circles_are_found_whatever_leads_to_them() {
        let edges =
            [("a", "b"), ("b", "c"), ("c", "b"), ("c", "d"), ("d", ""), ("e", "f"), ("f", "e")];
        let mut graph: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (from, to) in edges {
            graph.entry(from).or_default().extend((!to.is_empty()).then_some(to));
        }
        assert_eq!(circles(&graph), [BTreeSet::from(["b", "c"]), BTreeSet::from(["e", "f"])]);
    }
}
