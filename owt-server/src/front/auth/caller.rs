//! Who calls.

/// Who makes a request, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Caller {
    /// The server asks nobody who they are.
    Anybody,
    /// A user with a password, which browsers send by themselves once they know it.
    User,
    /// A program with a token, which no browser sends by itself.
    Token,
}
