//! The flags of `penseur serve`, and of `penseur` alone.

use std::path::PathBuf;

use clap::Args;
use server::Origin;

use super::ModelOptionArgs;

#[derive(Args, Clone, Debug)]
#[command(after_help = "Examples:
  penseur serve                                      at http://127.0.0.1:8080
  penseur serve -m ./runs/mini/checkpoints/step_2000 --port 9000
  penseur serve --host 0.0.0.0 --api-key-file keys   beyond this machine a key is needed

The API is OpenAI's chat completions with DeepSeek's reasoning_content:
  curl http://127.0.0.1:8080/v1/chat/completions -H 'content-type: application/json' \\
    -d '{\"model\": \"mini\", \"messages\": [{\"role\": \"user\", \"content\": \"What is 347 + 588?\"}]}'")]
pub struct ServeArgs {
    /// A directory in Hugging Face layout, or the name of a bundled model; several may be given: the first is the default,
    /// others are loaded when they are asked for
    #[arg(short, long, default_value = "mini", value_name = "MODEL")]
    pub model: Vec<String>,

    #[command(flatten)]
    pub options: ModelOptionArgs,

    /// Minutes without requests after which a model other than the first is unloaded
    #[arg(long, default_value_t = 10, value_name = "N")]
    pub unload_after: u64,

    /// Address to listen on; beyond loopback an API key is demanded
    #[arg(long, default_value = "127.0.0.1", value_name = "HOST")]
    pub host: String,

    /// Port to listen on; 0 takes any free one
    #[arg(long, default_value_t = 8080, value_name = "PORT")]
    pub port: u16,

    /// Let phones in this network in: listens on every address, prints address, key and QR code
    #[arg(long, conflicts_with = "host")]
    pub lan: bool,

    /// A certificate chain in PEM, for encrypted connections
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    pub tls_cert: Option<PathBuf>,

    /// The certificate's key in PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    pub tls_key: Option<PathBuf>,

    /// Where the app keeps conversations [default: penseur in the system's directory for data]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// A file with one API key a line; every request then needs one
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// An origin whose pages may use the API with a key, such as http://localhost:3000; may be given several times
    #[arg(long, value_name = "ORIGIN")]
    pub cors_origin: Vec<Origin>,

    /// Where people find the app, if a proxy stands before this server, such as `https://chat.example`; demands keys
    #[arg(long, value_name = "ORIGIN")]
    pub public_origin: Option<Origin>,

    /// The training runs that the app shows
    #[arg(long, default_value = "runs", value_name = "DIR")]
    pub runs: PathBuf,
}
