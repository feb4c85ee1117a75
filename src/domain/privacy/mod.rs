//! What somebody can ask about their own data: what is kept, that it goes, that mail stops. And how long it is kept unasked.

pub mod export;
pub mod provenance;
mod queries;
pub mod requests;
pub mod retention;
