//! Those who may call, and whether somebody is one of them.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConditionallySelectable as _, ConstantTimeEq as _};

use super::credential::{Credential, Who};
use super::secret::Secret;

/// By what a value of `Authorization` is recognised, without being kept.
pub(super) type Fingerprint = [u8; 32];

/// A list of those who may call. It is never changed, only replaced.
pub(crate) struct Known {
    /// Of this list alone, so that what was right by another list is not taken to be so by this one.
    key: [u8; 32],
    users: Vec<User>,
    tokens: Vec<Secret>,
}

struct User {
    name: Vec<u8>,
    /// Any of them will do, so that passwords can be changed one client after the other.
    secrets: Vec<Secret>,
}

/// Whose password is compared, and whether that can be right.
#[derive(Clone, Copy)]
pub(super) struct Candidate {
    index: usize,
    is_known: Choice,
}

impl Known {
    pub(super) fn new(credentials: Vec<Credential>) -> Self {
        let mut key = [0; 32];
        getrandom::fill(&mut key).expect("the system has random numbers");
        let mut known = Self { key, users: Vec::new(), tokens: Vec::new() };
        for Credential { who, secret } in credentials {
            known.secrets_of(who).push(secret);
        }
        known
    }

    fn secrets_of(&mut self, who: Who) -> &mut Vec<Secret> {
        let Who::User(name) = who else { return &mut self.tokens };
        let name = name.into_bytes();
        let index = self.users.iter().position(|user| user.name == name);
        let index = index.unwrap_or_else(|| {
            self.users.push(User { name, secrets: Vec::new() });
            self.users.len() - 1
        });
        &mut self.users[index].secrets
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_users() && !self.has_tokens()
    }

    pub(super) fn has_users(&self) -> bool {
        !self.users.is_empty()
    }

    pub(super) fn has_tokens(&self) -> bool {
        !self.tokens.is_empty()
    }

    pub(super) fn fingerprint(&self, bytes: &[u8]) -> Fingerprint {
        Sha256::new().chain_update(self.key).chain_update(bytes).finalize().into()
    }

    pub(super) fn has_token(&self, token: &[u8]) -> bool {
        self.tokens.iter().fold(false, |any, known| any | known.is_of(token))
    }

    /// The user of this name. For an unknown name it is always the same one of the others, whose
    /// password takes as long to compare, and is never right.
    pub(super) fn user(&self, name: &[u8]) -> Option<Candidate> {
        let pick = u64::from_le_bytes(self.fingerprint(name)[..8].try_into().ok()?);
        let stand_in = pick.checked_rem(self.users.len() as u64)?;
        let mut found = Candidate { index: 0, is_known: Choice::from(0) };
        let mut index = stand_in;
        for (other, user) in self.users.iter().enumerate() {
            let is_it = user.name.as_slice().ct_eq(name);
            index.conditional_assign(&(other as u64), is_it);
            found.is_known |= is_it;
        }
        found.index = usize::try_from(index).ok()?;
        Some(found)
    }

    /// Whether the password of this user takes long to check.
    pub(super) fn is_slow(&self, user: Candidate) -> bool {
        self.users[user.index].secrets.iter().any(Secret::is_slow)
    }

    pub(super) fn is_password(&self, user: Candidate, password: &[u8]) -> bool {
        let secrets = &self.users[user.index].secrets;
        // Each is compared, so that the time taken does not tell which was right.
        let is_right = secrets.iter().fold(false, |any, secret| any | secret.is_of(password));
        bool::from(user.is_known) & is_right
    }
}

impl fmt::Debug for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Known").finish_non_exhaustive()
    }
}
