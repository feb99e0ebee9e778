//! Plans are remembered as far as there is room for them.

use std::num::NonZeroUsize;

use owt_core::Digest;

use super::*;
use crate::router::plan::Plan;
use crate::router::plans::{PlanKey, Plans};

fn key(text: &str) -> PlanKey {
    (Digest::of(text), None, None)
}

/// The plan of a call with a lock of so many bytes.
fn plan_of(bytes: usize) -> Plan {
    let script = script("# /// script\n# dependencies = ['six']\n# ///\n").unwrap();
    let lock = format!("version = 1\n#{}", "x".repeat(bytes)).into();
    let place = place(script, Some(&lock), Dependencies::On, &base()).unwrap();
    Plan { pool: 0, keep_alive: None, place }
}

#[test]
fn the_plans_that_were_used_least_recently_go_first_by_their_bytes() {
    let mut plans = Plans::with_limit(NonZeroUsize::new(64 << 10).unwrap());
    for (name, bytes) in [("one", 10), ("two", 30 << 10), ("three", 10)] {
        plans.insert(key(name), plan_of(bytes));
    }
    assert!(plans.get(&key("one")).is_some());
    plans.insert(key("four"), plan_of(40 << 10));
    plans.insert(key("too long"), plan_of(100 << 10));
    let kept = ["one", "two", "three", "four", "too long"];
    let kept = kept.map(|name| plans.get(&key(name)).is_some());
    assert_eq!(kept, [true, false, true, true, false]);
    plans.forget(Digest::of("one"));
    assert!(plans.get(&key("one")).is_none());
}
