//! `penseur read-pdf`: what the server starts to read an uploaded PDF. It bounds itself before it reads.

use server::pdf;

pub fn run() -> anyhow::Result<()> {
    if let Err(error) = sys::limits::limit_self(pdf::MEMORY_BYTES, pdf::CPU_SECONDS) {
        anyhow::ensure!(error.kind() == std::io::ErrorKind::Unsupported, "this process cannot be bounded: {error}");
    }
    pdf::read(std::io::stdin().lock(), std::io::stdout().lock()).map_err(anyhow::Error::msg)
}
