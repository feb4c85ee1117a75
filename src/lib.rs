//! Countersign: the desk where people sign off the email that AI agents write.
//!
//! The code map is in `docs/ARCHITECTURE.md`. In short: five surfaces ([`web`], [`api`],
//! [`mcp`] on top of it, the command line in [`cli`] and the [`worker`]) stand over one
//! [`domain`], which alone speaks to the database ([`db`]); mail leaves only from the worker
//! through [`email`].

pub mod api;
pub mod app;
pub mod backup;
pub mod beside;
pub mod call_log;
pub mod catcher;
pub mod cli;
pub mod clock;
pub mod config;
pub mod db;
pub mod dialer;
pub mod dns;
pub mod doctor;
pub mod domain;
pub mod email;
pub mod failpoints;
pub mod feed;
pub mod imap;
pub mod inbound;
pub mod llm;
pub mod mcp;
pub mod oidc;
pub mod passkeys;
pub mod provenance;
pub mod senders;
pub mod telemetry;
pub mod web;
pub mod worker;
