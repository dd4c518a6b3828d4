//! The stories, their people and their things.
//!
//! Numbers appear in the order of the computation: `{a}`, `{b}`, `{c}`; `{r}` is the result and stands last in the reply.

/// What is computed from the numbers a, b, c.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// a + b
    Add,
    /// a - b, positive
    Sub,
    /// a × b
    Mul,
    /// a ÷ b, exact
    Div,
    /// a + b + c
    AddAdd,
    /// a + b - c
    AddSub,
    /// a - b + c
    SubAdd,
    /// a - b - c
    SubSub,
    /// a × b + c
    MulAdd,
    /// a × b - c
    MulSub,
}

impl Shape {
    /// The operators in order.
    pub fn operators(self) -> (char, Option<char>) {
        match self {
            Shape::Add => ('+', None),
            Shape::Sub => ('-', None),
            Shape::Mul => ('×', None),
            Shape::Div => ('÷', None),
            Shape::AddAdd => ('+', Some('+')),
            Shape::AddSub => ('+', Some('-')),
            Shape::SubAdd => ('-', Some('+')),
            Shape::SubSub => ('-', Some('-')),
            Shape::MulAdd => ('×', Some('+')),
            Shape::MulSub => ('×', Some('-')),
        }
    }

    /// One or two operations.
    pub fn n_steps(self) -> u8 {
        1 + u8::from(self.operators().1.is_some())
    }
}

/// One story in several tellings.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// Name in the problem's JSON.
    pub name: &'static str,
    /// What is computed.
    pub shape: Shape,
    /// Ways to tell it.
    pub tellings: &'static [&'static str],
    /// The first line of the thinking: what the numbers are.
    pub facts: &'static str,
    /// The reply.
    pub reply: &'static str,
}

impl Story {
    /// The numbers are years of a life.
    pub fn of_age(&self) -> bool {
        self.facts.starts_with("years")
    }
}

/// First names, and whether a woman's.
pub const NAMES: &[(&str, bool)] = &[
    ("Tom", false),
    ("Anna", true),
    ("Sam", false),
    ("Lisa", true),
    ("Ben", false),
    ("Mia", true),
    ("Max", false),
    ("Emma", true),
    ("John", false),
    ("Mary", true),
    ("Leo", false),
    ("Sara", true),
    ("Paul", false),
    ("Lucy", true),
    ("Jack", false),
    ("Nina", true),
    ("Peter", false),
    ("Julia", true),
    ("Ali", false),
    ("Maria", true),
    ("David", false),
    ("Sophie", true),
    ("Wei", false),
    ("Ling", true),
    ("James", false),
    ("Alice", true),
    ("Bob", false),
    ("Eva", true),
    ("Omar", false),
    ("Kate", true),
    ("Janet", true),
    ("Mark", false),
];

/// Things that can be counted, in the plural.
pub const ITEMS: &[&str] = &[
    "apples", "apples", "apples", "oranges", "pears", "bananas", "books", "books", "pencils", "pens", "cards",
    "stickers", "coins", "marbles", "balls", "eggs", "cookies", "candies", "cakes", "flowers", "stamps", "toys",
    "shells", "stones", "cups", "plates", "chairs", "boxes", "bottles", "tickets", "lemons", "sweets", "muffins",
    "nuts", "peaches", "plums", "roses", "photos", "keys", "shirts", "crayons", "blocks", "beads", "balloons",
];

/// All stories.
pub const STORIES: &[Story] = &[
    Story {
        name: "gets_more",
        shape: Shape::Add,
        tellings: &[
            "{name} has {a} {items}. {he} buys {b} more. How many {items} does {name} have now?",
            "{name} has {a} {items} and gets {b} more. How many {items} does {he} have?",
            "{name} had {a} {items} and bought {b} more {items}. How many {items} does {name} have in total?",
            "{name} has {a} {items}. {other} gives {name} {b} more. How many {items} does {name} have now?",
            "{name} has {a} {items}. {he} finds {b} more {items}. How many {items} does {he} have altogether?",
            "If {name} has {a} {items} and buys {b} more, how many {items} does {name} have?",
            "{name} picked {a} {items} in the morning and {b} {items} in the afternoon. How many {items} did {he} pick in total?",
            "{name} collected {a} {items} on Monday and {b} on Tuesday. How many {items} is that in all?",
        ],
        facts: "{items}: {a} and {b} more",
        reply: "{name} has {r} {items}.",
    },
    Story {
        name: "together",
        shape: Shape::Add,
        tellings: &[
            "{name} has {a} {items} and {other} has {b} {items}. How many {items} do they have together?",
            "{name} has {a} {items}. {other} has {b} {items}. How many do they have in total?",
            "{name} has {a} {items} and {other} has {b}. How many {items} do they have in all?",
            "{name} and {other} have {a} and {b} {items}. How many {items} do they have altogether?",
        ],
        facts: "{items}: {a} and {b} together",
        reply: "Together they have {r} {items}.",
    },
    Story {
        name: "more_than",
        shape: Shape::Add,
        tellings: &[
            "{name} has {a} {items}. {other} has {b} more {items} than {name}. How many {items} does {other} have?",
            "{name} has {a} {items}. {other} has {b} more. How many {items} does {other} have?",
        ],
        facts: "{items}: {a} and {b} more",
        reply: "{other} has {r} {items}.",
    },
    Story {
        name: "older",
        shape: Shape::Add,
        tellings: &[
            "{name} is {a} years old. {other} is {b} years older. How old is {other}?",
            "{name} is {a} years old. How old will {name} be in {b} years?",
            "{name} is {a}. How old will {he} be {b} years from now?",
        ],
        facts: "years: {a} and {b} more",
        reply: "The age is {r}.",
    },
    Story {
        name: "walks_on",
        shape: Shape::Add,
        tellings: &[
            "{name} walks {a} meters and then {b} meters more. How many meters does {he} walk in total?",
            "{name} drives {a} miles in the morning and {b} miles in the evening. How many miles does {he} drive in total?",
            "A train goes {a} km and then another {b} km. How far does it go?",
            "{name} runs {a} km on Monday and {b} km on Tuesday. How many km does {name} run?",
        ],
        facts: "distance: {a} and {b} more",
        reply: "The distance is {r}.",
    },
    Story {
        name: "school",
        shape: Shape::Add,
        tellings: &[
            "There are {a} boys and {b} girls in a school. How many children are there in total?",
            "There are {a} boys and {b} girls in the club. How many children are in the club?",
            "A class has {a} boys and {b} girls. How many students are in the class?",
            "There are {a} red balls and {b} blue balls in a box. How many balls are in the box?",
            "A farm has {a} cows and {b} sheep. How many animals are there?",
        ],
        facts: "count: {a} and {b} together",
        reply: "There are {r} in total.",
    },
    Story {
        name: "pays_both",
        shape: Shape::Add,
        tellings: &[
            "{name} buys a book for {a} dollars and a pen for {b} dollars. How much does {he} pay?",
            "A shirt costs ${a} and a hat costs ${b}. How much do they cost together?",
            "{name} has ${a} and earns ${b} more. How much money does {name} have?",
            "{name} saved {a} dollars. Then {he} got {b} dollars from {other}. How much money does {name} have now?",
        ],
        facts: "dollars: {a} and {b} more",
        reply: "The amount is ${r}.",
    },
    Story {
        name: "gives_away",
        shape: Shape::Sub,
        tellings: &[
            "{name} has {a} {items}. {he} gives {b} to {other}. How many {items} does {name} have left?",
            "{name} has {a} {items} and gives {b} away. How many {items} does {he} have left?",
            "{name} had {a} {items}. {he} lost {b} of them. How many {items} are left?",
            "{name} had {a} {items} and sold {b} of them. How many {items} does {name} still have?",
            "If {name} has {a} {items} and loses {b}, how many {items} are left?",
            "{name} has {a} {items}. {he} uses {b}. How many {items} remain?",
            "There were {a} {items} on the table. {name} took {b} of them. How many {items} are left on the table?",
        ],
        facts: "{items}: {a} without {b}",
        reply: "{name} has {r} {items} left.",
    },
    Story {
        name: "fewer_than",
        shape: Shape::Sub,
        tellings: &[
            "{name} has {a} {items}. {other} has {b} fewer {items} than {name}. How many {items} does {other} have?",
            "{name} has {a} {items}. {other} has {b} fewer. How many {items} does {other} have?",
        ],
        facts: "{items}: {a} without {b}",
        reply: "{other} has {r} {items}.",
    },
    Story {
        name: "how_many_more",
        shape: Shape::Sub,
        tellings: &[
            "{name} has {a} {items} and {other} has {b} {items}. How many more {items} does {name} have than {other}?",
            "{name} has {a} {items}. {other} has {b} {items}. How many more {items} does {name} have?",
            "{name} needs {a} {items} and has {b}. How many more {items} does {he} need?",
            "{name} wants {a} {items}. {he} already has {b} {items}. How many more does {he} need?",
        ],
        facts: "{items}: {a} without {b}",
        reply: "The difference is {r}.",
    },
    Story {
        name: "spends",
        shape: Shape::Sub,
        tellings: &[
            "{name} has ${a} and spends ${b}. How much money is left?",
            "{name} has {a} dollars. {he} buys a toy for {b} dollars. How much money does {he} have left?",
            "{name} pays with ${a} for a lunch that costs ${b}. How much change does {he} get?",
            "A coat costs ${a}. Today it is ${b} cheaper. What is the price today?",
        ],
        facts: "dollars: {a} without {b}",
        reply: "The amount is ${r}.",
    },
    Story {
        name: "remaining",
        shape: Shape::Sub,
        tellings: &[
            "A book has {a} pages. {name} has read {b} pages. How many pages are left?",
            "There are {a} people on a train. {b} get off. How many people are still on the train?",
            "There were {a} birds on a tree. {b} flew away. How many birds are left?",
            "There are {a} students in a school. {b} are absent today. How many are present?",
            "The trip is {a} km long. {name} has driven {b} km. How many km remain?",
        ],
        facts: "count: {a} without {b}",
        reply: "The rest is {r}.",
    },
    Story {
        name: "younger",
        shape: Shape::Sub,
        tellings: &[
            "{name} is {a} years old. {other} is {b} years younger. How old is {other}?",
            "{name} is {a} years old. How old was {name} {b} years ago?",
        ],
        facts: "years: {a} without {b}",
        reply: "The age is {r}.",
    },
    Story {
        name: "groups",
        shape: Shape::Mul,
        tellings: &[
            "{name} has {a} boxes with {b} {items} in each box. How many {items} does {name} have?",
            "There are {a} bags with {b} {items} each. How many {items} are there in total?",
            "{name} buys {a} packs of {items}. Each pack has {b} {items}. How many {items} does {he} buy?",
            "There are {a} shelves. Each shelf holds {b} {items}. How many {items} are there altogether?",
            "{a} children have {b} {items} each. How many {items} do they have in all?",
            "If one box holds {b} {items}, how many {items} are in {a} boxes?",
        ],
        facts: "{items}: {a} groups of {b}",
        reply: "There are {r} {items}.",
    },
    Story {
        name: "price",
        shape: Shape::Mul,
        tellings: &[
            "{name} buys {a} {items}. Each costs ${b}. How much does {he} pay?",
            "{name} buys {a} {items} for {b} dollars each. How much does {he} pay in total?",
            "How much do {a} {items} cost at ${b} each?",
            "{name} works {a} hours and earns ${b} an hour. How much does {he} earn?",
            "{name} saves ${a} a week. How much does {he} save in {b} weeks?",
        ],
        facts: "dollars: {a} times {b}",
        reply: "The amount is ${r}.",
    },
    Story {
        name: "speed",
        shape: Shape::Mul,
        tellings: &[
            "A car drives {a} hours at {b} km per hour. How far does it go?",
            "{name} walks {a} km every day. How many km does {he} walk in {b} days?",
            "A train travels {a} hours at {b} miles per hour. How many miles does it travel?",
            "{name} rides {a} hours at {b} km/h. How many km does {he} ride?",
        ],
        facts: "distance: {a} times {b}",
        reply: "The distance is {r}.",
    },
    Story {
        name: "rows",
        shape: Shape::Mul,
        tellings: &[
            "A hall has {a} rows of {b} seats. How many seats are there?",
            "There are {a} rows with {b} chairs in each row. How many chairs are there?",
            "A garden has {a} rows of {b} plants. How many plants does it have?",
            "A rectangle is {a} cm long and {b} cm wide. What is its area?",
            "{name} reads {a} pages a day. How many pages does {he} read in {b} days?",
        ],
        facts: "count: {a} times {b}",
        reply: "The total is {r}.",
    },
    Story {
        name: "shares",
        shape: Shape::Div,
        tellings: &[
            "{name} shares {a} {items} equally among {b} friends. How many {items} does each friend get?",
            "{name} has {a} {items} and puts them into {b} equal groups. How many {items} are in each group?",
            "{a} {items} are divided equally among {b} children. How many {items} does each child get?",
            "{name} puts {a} {items} into {b} boxes, the same number in each. How many {items} are in each box?",
            "If {a} {items} are shared equally by {b} people, how many does each person get?",
        ],
        facts: "{items}: {a} shared by {b}",
        reply: "The share is {r}.",
    },
    Story {
        name: "packs",
        shape: Shape::Div,
        tellings: &[
            "{name} has {a} {items}. {he} puts {b} in each bag. How many bags does {he} need?",
            "There are {a} {items}. Each box holds {b}. How many boxes are needed?",
            "{a} students sit at tables of {b}. How many tables are there?",
            "A rope of {a} meters is cut into pieces of {b} meters. How many pieces are there?",
            "A ticket costs ${b}. How many tickets can {name} buy with ${a}?",
        ],
        facts: "count: {a} in groups of {b}",
        reply: "The number is {r}.",
    },
    Story {
        name: "three_parts",
        shape: Shape::AddAdd,
        tellings: &[
            "{name} has {a} {items}. {he} buys {b} more and finds {c} more. How many {items} does {name} have now?",
            "{name} read {a} pages on Monday, {b} on Tuesday and {c} on Wednesday. How many pages is that in total?",
            "There are {a} red, {b} blue and {c} green {items}. How many {items} are there?",
            "{name} has {a} {items}, {other} has {b} and Zoe has {c}. How many do they have together?",
        ],
        facts: "count: {a}, {b} more, {c} more",
        reply: "The total is {r}.",
    },
    Story {
        name: "gets_then_gives",
        shape: Shape::AddSub,
        tellings: &[
            "{name} has {a} {items}. {he} buys {b} more and gives {c} to {other}. How many {items} does {name} have now?",
            "{name} has {a} {items}. {he} gets {b} more. Then {he} loses {c}. How many {items} does {name} have left?",
            "{name} had {a} {items}, bought {b} more and then sold {c}. How many {items} does {he} have now?",
            "{name} has {a} {items} and {other} has {b}. Together they use {c}. How many {items} are left?",
            "There are {a} people on a bus. {b} get on and {c} get off. How many people are on the bus now?",
        ],
        facts: "count: {a}, {b} more, without {c}",
        reply: "The number is {r}.",
    },
    Story {
        name: "gives_then_gets",
        shape: Shape::SubAdd,
        tellings: &[
            "{name} has {a} {items}. {he} gives {b} to {other} and then buys {c} more. How many {items} does {name} have now?",
            "{name} had {a} {items}. {he} lost {b} and found {c}. How many {items} does {he} have now?",
            "{name} has ${a}. {he} spends ${b} and then earns ${c}. How much money does {name} have?",
            "There are {a} people on a bus. {b} get off and {c} get on. How many people are on the bus now?",
        ],
        facts: "count: {a}, without {b}, {c} more",
        reply: "The number is {r}.",
    },
    Story {
        name: "gives_twice",
        shape: Shape::SubSub,
        tellings: &[
            "{name} has {a} {items}. {he} gives {b} to {other} and {c} to Zoe. How many {items} does {name} have left?",
            "{name} has {a} {items}. {he} eats {b} and sells {c}. How many {items} are left?",
            "{name} has ${a}. {he} buys a book for ${b} and a game for ${c}. How much money does {name} have left?",
            "A book has {a} pages. {name} read {b} pages yesterday and {c} pages today. How many pages are left?",
        ],
        facts: "count: {a}, without {b}, without {c}",
        reply: "The rest is {r}.",
    },
    Story {
        name: "groups_and_more",
        shape: Shape::MulAdd,
        tellings: &[
            "{name} has {a} boxes with {b} {items} each and {c} more {items}. How many {items} does {name} have?",
            "{name} buys {a} packs of {b} {items}. {he} already had {c} {items}. How many {items} does {he} have now?",
            "There are {a} tables with {b} chairs each, and {c} extra chairs. How many chairs are there?",
            "{name} earns ${a} an hour and works {b} hours. {he} also gets a tip of ${c}. How much does {he} get?",
        ],
        facts: "count: {a} groups of {b}, {c} more",
        reply: "The total is {r}.",
    },
    Story {
        name: "groups_less_some",
        shape: Shape::MulSub,
        tellings: &[
            "{name} has {a} boxes with {b} {items} each. {he} gives {c} {items} away. How many {items} are left?",
            "{name} buys {a} bags of {b} {items} and uses {c} of them. How many {items} are left?",
            "There are {a} rows of {b} seats. {c} seats are taken. How many seats are free?",
            "{name} bakes {a} trays of {b} {items} and sells {c}. How many {items} are left?",
        ],
        facts: "count: {a} groups of {b}, without {c}",
        reply: "The rest is {r}.",
    },
    Story {
        name: "chinese_more",
        shape: Shape::Add,
        tellings: &[
            "小明有{a}个苹果，又买了{b}个，现在一共有多少个苹果？",
            "小明有{a}本书，小红有{b}本书，他们一共有多少本书？",
        ],
        facts: "count: {a} and {b} more",
        reply: "一共有{r}。",
    },
    Story {
        name: "chinese_left",
        shape: Shape::Sub,
        tellings: &["小明有{a}个苹果，吃了{b}个，还剩多少个？", "小红有{a}元，花了{b}元，还剩多少元？"],
        facts: "count: {a} without {b}",
        reply: "还剩{r}。",
    },
    Story {
        name: "chinese_groups",
        shape: Shape::Mul,
        tellings: &["有{a}个盒子，每个盒子里有{b}个球，一共有多少个球？", "每张票{a}元，买{b}张票要多少元？"],
        facts: "count: {a} times {b}",
        reply: "一共有{r}。",
    },
];
