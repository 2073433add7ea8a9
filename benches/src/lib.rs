//! What is measured with criterion lives in `benches/`. A package of its own, so that whoever tests need not compile
//! what only measuring takes.
