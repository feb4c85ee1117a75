//! People: users, their settings, passwords, sign-in, invitations, sessions.

pub mod passwords;
mod queries;
pub mod sessions;
pub mod settings;
pub mod throttle;
pub mod users;

pub use users::{User, UserRow};
