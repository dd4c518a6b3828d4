//! Any bytes as the body of a request, in every dialect: read or refused, in bounded time.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    server::count_dialects(body);
});
