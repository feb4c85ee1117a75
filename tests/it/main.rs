//! The product as its users meet it, on SQLite or on the PostgreSQL server that
//! `COUNTERSIGN_TEST_DATABASE_URL` names. Each test has a database of its own.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise should stop")]

mod api;
mod architecture;
mod bulk;
mod calls;
mod claims;
mod delivery;
mod demand;
mod drafting_model;
mod erasure;
mod error_codes;
mod events;
mod explain;
mod exports;
mod facts;
mod idempotency;
mod inspection;
mod intake;
mod keys;
mod ladder;
mod limits;
mod limits_of_calls;
mod lists;
mod mcp;
mod mcp_bridge;
mod mcp_offers;
mod notices;
mod openapi;
mod pages;
mod people;
mod reply;
mod reports;
mod requests;
mod review;
mod schema;
mod second_factor;
mod programs;
mod referrals;
mod sequences;
mod sources;
mod support;
mod undo;
mod usage;
mod vigilance;
mod webhooks;
