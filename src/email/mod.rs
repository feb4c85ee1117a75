//! How a message becomes bytes and leaves: addresses, rendering (pure), the SMTP dialogue
//! and the meaning of a relay's replies. Nothing here knows a database or decides whether a
//! message may be sent; that is the domain's work, finished before the final dot.
//!
//! - [`address`]: addresses as the envelope and the headers take them
//! - [`mod@render`], [`headers`], [`footer`]: a [`Mail`] becomes bytes
//! - [`wire`]: what may pass over the wire, and dot-stuffing
//! - [`dkim`]: the signature before the bytes
//! - [`transport`], [`connection`], [`dialogue`]: the relay, one dialogue with it, its replies
//! - [`ReadyNotice`]: mail to the people of the desk, apart from messages
//! - [`outcome`]: reply → verdict

pub mod address;
pub mod connection;
pub mod dialogue;
pub mod dkim;
pub mod footer;
pub mod headers;
mod letter;
mod notice;
pub mod outcome;
pub mod render;
pub mod transport;
pub mod wire;

pub use address::{AddressError, EmailAddress};
pub use connection::{Accepted, Connection, Envelope, Offered, Ready};
pub use footer::Footer;
pub use letter::{mail_of, page, source};
pub use notice::{ReadyNotice, offer_notice};
pub use outcome::{Failure, FailureKind, Stage};
pub use render::{Mail, RenderError, render};
pub use transport::{Timeouts, Transport, TransportError};

#[cfg(test)]
mod tests;
