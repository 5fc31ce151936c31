//! The client from outside: against the real server in this process, with the clock in hand, and against small ones that misbehave.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that cannot go on should say so at once"
)]

mod axum_example;
mod blocking;
mod corpus;
mod faults;
mod filter;
mod house;
mod layer;
mod permits;
mod processors_example;
mod proxy;
mod remote;
mod replica;
mod rogue;
mod tls;
