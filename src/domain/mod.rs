//! The product: no HTTP, no templates, no SMTP.
pub mod accounts;
pub mod actor;
pub mod audit;
pub mod contacts;
pub mod email_address;
pub mod error;
pub mod ids;
pub mod mailboxes;
pub mod messages;
pub mod settings;
pub mod text;
pub mod threads;
