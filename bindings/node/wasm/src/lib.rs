//! The core for back ends in Node: reads what is asked and what is answered, and keeps a replica up with the ledger.
//!
//! What crosses the border is JSON as `docs/wire.md` has it, or bytes, and times are milliseconds since the Unix epoch. What is not
//! understood is an error, and none of them says whom it is about.
//!
//! Deliberately absent: clocks, addresses and whatever waits, which are JavaScript's (`bindings/node/src`).

mod answer;
mod change;
mod follower;
mod question;

pub use answer::{read_decision, read_decisions};
pub use follower::{Follower, Taken};
pub use question::{read_query, read_question};
