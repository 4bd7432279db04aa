//! A canary over real HTTP: servers, a weighted proxy, a load generator.

#[allow(dead_code, reason = "the rollout that uses all of it comes next")]
mod ground;

fn main() {}
