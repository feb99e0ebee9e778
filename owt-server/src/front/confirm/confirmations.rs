//! What one server knows of calls, and what its pages need.

use super::call_key::Keys;
use super::known_calls::KnownCalls;
use super::place::Place;
use super::token::Tokens;

/// What one server knows of calls, and what its pages need.
#[derive(Debug)]
pub(crate) struct Confirmations {
    pub(super) place: Place,
    /// Whether links run what they bring.
    pub(super) trust_links: bool,
    pub(super) keys: Keys,
    pub(super) known: KnownCalls,
    pub(super) tokens: Tokens,
}

impl Confirmations {
    pub(crate) fn new(place: Place, trust_links: bool) -> Self {
        let (keys, known) = Default::default();
        Self { place, trust_links, keys, known, tokens: Tokens::new() }
    }
}
