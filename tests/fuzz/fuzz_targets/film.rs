#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    athome_tests::fuzz::run("film", data);
});
