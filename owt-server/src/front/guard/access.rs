//! The ways in which a request is allowed, and what each may do.

use owt_core::Error;
use url::Url;

/// The way in which a request is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Access {
    /// A program sends it: nothing shows that it is a browser.
    Program,
    /// A page that may call sends it.
    Page,
    /// Its URL is signed for this very call.
    Signed,
    /// A browser opens it, and nothing shows that anybody knows what it would run.
    Link(Link),
}

/// A request that a browser makes because somebody, or some page, has it open a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) opened_by: OpenedBy,
    /// Whether the answer is shown as a page, so that its user can be asked.
    pub(crate) is_page: bool,
}

/// Who had a browser open a URL, as far as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OpenedBy {
    /// The user, from the address bar or a bookmark; or another program.
    User,
    /// A page of another site, with its address if the browser says it.
    Site(Option<Url>),
    /// Anybody: the browser does not say, except perhaps which page was open before.
    Unknown(Option<Url>),
}

impl Access {
    /// Decides on what runs no code: files, and what operators see.
    ///
    /// # Errors
    /// [`Error::CrossSite`] if a page of another site has a browser open it.
    pub(crate) fn to_read(&self) -> Result<(), Error> {
        match self {
            Access::Link(Link { opened_by: OpenedBy::Site(_), .. }) => Err(Error::CrossSite),
            _ => Ok(()),
        }
    }
}
