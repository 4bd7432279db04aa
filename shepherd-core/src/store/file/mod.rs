//! Records in files. [`store`] is what callers see and keeps calls in order; [`place`] is the protocol within the
//! directory of one target; the rest is what they are made of.

mod files;
mod name;
mod ownership;
mod place;
mod record;
mod store;
mod trouble;

pub use store::FileStore;
