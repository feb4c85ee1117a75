//! Countersign: the desk where people sign off the email that AI agents write.
pub mod clock;
pub mod db;
pub mod domain;
