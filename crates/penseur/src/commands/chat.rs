//! `penseur chat`: a conversation in the terminal.

use std::io::{self, BufRead, IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use engine::FinishReason;
use engine::thread::Control;
use model::chat_template::Message;

use crate::answer::{Answer, Job, render_options};
use crate::cli::{AnswerArgs, ChatArgs, OnOff};
use crate::loaded::{Found, Loaded};
use crate::output::AnswerWriter;

const HELP: &str = "\
/new            forget the conversation and begin another
/think on|off   think before answering, or answer at once
/help           this
/quit           leave (so does Ctrl-D)
Ctrl-C          stop the answer; at the prompt: leave
A line that ends in \\ goes on in the next.";

pub fn run(args: &ChatArgs) -> anyhow::Result<()> {
    let found = Found::new(&args.model.model, &args.model.options)?;
    let loaded = found.load(1)?;
    let is_terminal = io::stdin().is_terminal();
    if is_terminal {
        eprintln!("{}: {}\n/help lists the commands.", found.name, found.description);
        for example in found.examples.iter().take(3) {
            eprintln!("  try: {example}");
        }
    }
    let interrupts = Interrupts::listen()?;
    let mut chat = Chat {
        messages: Vec::new(),
        answer: args.answer.clone(),
        seed: args.seed.unwrap_or_else(seed_of_now),
        n_turns: 0,
        loaded,
        interrupts,
    };
    chat.begin();
    while let Some(line) = read_message(is_terminal)? {
        if !chat.take(&line)? {
            break;
        }
    }
    Ok(())
}

struct Chat {
    loaded: Loaded,
    messages: Vec<Message>,
    answer: AnswerArgs,
    seed: u64,
    n_turns: u64,
    interrupts: Interrupts,
}

/// A line as the user means it.
#[derive(Debug, PartialEq, Eq)]
enum Input<'a> {
    Nothing,
    Say(&'a str),
    New,
    Think(OnOff),
    Help,
    Quit,
    Unknown(&'a str),
}

fn parse(line: &str) -> Input<'_> {
    let trimmed = line.trim();
    match trimmed.split_whitespace().collect::<Vec<_>>()[..] {
        [] => Input::Nothing,
        ["/new"] => Input::New,
        ["/think", "on"] => Input::Think(OnOff::On),
        ["/think", "off"] => Input::Think(OnOff::Off),
        ["/help"] => Input::Help,
        ["/quit" | "/exit"] => Input::Quit,
        [command, ..] if command.starts_with('/') => Input::Unknown(trimmed),
        _ => Input::Say(trimmed),
    }
}

impl Chat {
    /// An empty conversation with the system prompt, if there is one.
    fn begin(&mut self) {
        self.messages = self.answer.system.iter().map(Message::system).collect();
    }

    /// Does what a line says; false to leave.
    fn take(&mut self, line: &str) -> anyhow::Result<bool> {
        match parse(line) {
            Input::Nothing => {}
            Input::Say(text) => self.say(text)?,
            Input::New => {
                self.begin();
                eprintln!("A new conversation.");
            }
            Input::Think(think) => {
                self.answer.think = Some(think);
                eprintln!("{}", if think.is_on() { "Thinking first." } else { "Answering at once." });
            }
            Input::Help => eprintln!("{HELP}"),
            Input::Quit => return Ok(false),
            Input::Unknown(text) => eprintln!("{text} is no command; /help lists them."),
        }
        Ok(true)
    }

    /// One turn. What goes wrong with it (a conversation too long, say) is said, and the chat goes on without it.
    fn say(&mut self, text: &str) -> anyhow::Result<()> {
        self.messages.push(Message::user(text));
        let answer = match self.answer_now() {
            Ok(answer) => answer,
            Err(error) if error.is::<io::Error>() => return Err(error),
            Err(error) => {
                self.messages.pop();
                eprintln!("{error}");
                return Ok(());
            }
        };
        if answer.finished.reason == FinishReason::Cancelled {
            eprintln!("(stopped)");
        }
        self.messages.push(Message::assistant(answer.content));
        Ok(())
    }

    fn answer_now(&mut self) -> anyhow::Result<Answer> {
        let prompt = self.loaded.format.encode_chat(&self.messages, &render_options(&self.answer))?;
        let job = Job::chat(&self.loaded, prompt, &self.answer, self.seed)?;
        let running = job.submit(&self.loaded, self.n_turns)?;
        self.n_turns += 1;
        self.interrupts.stop_instead(Some(running.control()));
        let mut writer = AnswerWriter::new();
        let answer = running.follow(|delta| {
            writer.thinking(&delta.reasoning)?;
            writer.answer(&delta.content)
        });
        self.interrupts.stop_instead(None);
        writer.finish()?;
        let answer = answer?;
        answer.finish_reason()?;
        Ok(answer)
    }
}

/// The next message; `None` at the end of the input. A line that ends in a backslash goes on in the next.
fn read_message(is_terminal: bool) -> io::Result<Option<String>> {
    let mut message = String::new();
    loop {
        if is_terminal {
            print!("{}", if message.is_empty() { "> " } else { ". " });
            io::stdout().flush()?;
        }
        let mut line = String::new();
        if io::stdin().lock().read_line(&mut line)? == 0 {
            return Ok((!message.is_empty()).then_some(message));
        }
        let line = line.trim_end_matches(['\n', '\r']);
        match line.strip_suffix('\\') {
            Some(start) => message = message + start + "\n",
            None => return Ok(Some(message + line)),
        }
    }
}

/// Ctrl-C: stops the answer that is being written, else leaves.
#[derive(Clone)]
struct Interrupts(Arc<Mutex<Option<Control>>>);

impl Interrupts {
    fn listen() -> anyhow::Result<Self> {
        let interrupts = Self(Arc::default());
        let own = interrupts.clone();
        ctrlc::set_handler(move || match own.current() {
            Some(control) => control.cancel(),
            None => std::process::exit(0),
        })?;
        Ok(interrupts)
    }

    fn stop_instead(&self, control: Option<Control>) {
        *self.0.lock().expect("nobody panics with it") = control;
    }

    fn current(&self) -> Option<Control> {
        self.0.lock().expect("nobody panics with it").clone()
    }
}

fn seed_of_now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_commands_or_words() {
        assert_eq!(parse("  "), Input::Nothing);
        assert_eq!(parse(" What is 1/2? "), Input::Say("What is 1/2?"));
        assert_eq!(parse("/think  off"), Input::Think(OnOff::Off));
        assert_eq!(parse("/think"), Input::Unknown("/think"));
        assert_eq!(parse("/nwe"), Input::Unknown("/nwe"));
        assert_eq!(parse("/quit"), Input::Quit);
    }
}
