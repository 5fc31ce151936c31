//! What every surface is held to: the corpus of decision cases, and a reference that decides naively.
//!
//! This crate is a test as a whole, so it may stop at the first thing that is not as it should be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on should say so at once"
)]

pub mod corpus;
pub mod reference;
