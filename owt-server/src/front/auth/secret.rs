//! The hash of a password: SHA-256, or Argon2id as a PHC string.

use std::fmt;
use std::str::FromStr;

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, Params, PasswordHasher as _, PasswordVerifier as _};
use owt_core::Digest;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The most KiB of memory that one hash may want.
const MAX_MEMORY: u32 = 1 << 20;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Secret {
    Sha256(Digest),
    Argon2(Box<PasswordHash>),
}

impl Secret {
    pub(super) fn sha256(password: &[u8]) -> Self {
        Self::Sha256(Digest(Sha256::digest(password).into()))
    }

    /// With the parameters that OWASP recommends, which are the crate's own, and a salt of its own.
    pub(super) fn argon2(password: &[u8]) -> Option<Self> {
        let hash = Argon2::default().hash_password(password).ok()?;
        Some(Self::Argon2(Box::new(hash)))
    }

    /// Whether it takes milliseconds and megabytes to check.
    pub(super) fn is_slow(&self) -> bool {
        matches!(self, Self::Argon2(_))
    }

    /// In a time that does not depend on how much of a password is right.
    pub(super) fn is_of(&self, password: &[u8]) -> bool {
        match self {
            Self::Sha256(hash) => {
                let found: [u8; 32] = Sha256::digest(password).into();
                hash.0.ct_eq(&found).into()
            }
            Self::Argon2(hash) => Argon2::default().verify_password(password, &**hash).is_ok(),
        }
    }
}

impl FromStr for Secret {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        if !text.starts_with('$') {
            return text.parse().map(Self::Sha256).map_err(|_| ());
        }
        let hash = PasswordHash::new(text).map_err(|_| ())?;
        let params = Params::try_from(&hash).map_err(|_| ())?;
        let is_whole = hash.salt.is_some() && hash.hash.is_some();
        let is_argon2id = hash.algorithm.as_str() == "argon2id";
        match is_argon2id && is_whole && params.m_cost() <= MAX_MEMORY {
            true => Ok(Self::Argon2(Box::new(hash))),
            false => Err(()),
        }
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(hash) => hash.fmt(f),
            Self::Argon2(hash) => hash.fmt(f),
        }
    }
}
