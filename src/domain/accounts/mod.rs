//! People: users, passwords, sign-in, invitations, sessions.

pub mod passwords;
mod queries;
pub mod sessions;
pub mod throttle;
pub mod users;

pub use users::{User, UserRow};
