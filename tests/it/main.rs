//! The product as its users meet it, on SQLite or on the PostgreSQL server that
//! `COUNTERSIGN_TEST_DATABASE_URL` names. Each test has a database of its own.
#![expect(clippy::unwrap_used, reason = "a test that meets a surprise should stop")]

mod agents;
mod api;
mod architecture;
mod bulk;
mod claims;
mod delivery;
mod demand;
mod drafting_model;
mod events;
mod facts;
mod inspection;
mod intake;
mod lists;
mod mcp;
mod notices;
mod openapi;
mod pages;
mod people;
mod review;
mod schema;
mod support;
mod undo;
mod vigilance;
mod webhooks;
