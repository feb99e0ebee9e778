//! What the front of an owt server and its workers have in common. There is no Python in it: the front
//! is not linked with any.
#![expect(missing_docs, reason = "internal; the fields of heads are those of requests and replies")]

pub mod fairness;
pub mod leftovers;
pub mod log;
pub mod spin;
pub mod wire;
