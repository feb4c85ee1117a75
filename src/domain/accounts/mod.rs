//! People: users, their settings, passwords, second factors, sign-in, invitations, sessions.

pub mod identity;
pub mod passkeys;
pub mod passwords;
mod queries;
pub mod reset;
pub mod second_factor;
pub mod sessions;
pub mod settings;
pub mod sign_in;
pub mod throttle;
pub mod users;

pub(in crate::domain) use queries::can_sign_in;
pub use users::{User, UserRow};
