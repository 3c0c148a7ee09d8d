//! Recording as a whole, by the program itself: what is on the disk afterwards, whatever happens.

mod crash;
mod files;
mod full;
