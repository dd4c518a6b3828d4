//! The stories of several steps, as data.
//!
//! Steps name their operands: a letter is one of the story's numbers, a digit the result of that step (from 1), `=5` the
//! number 5. `{r}` is the result and stands last of all numbers in the reply.

/// One operation and what its result is.
#[derive(Clone, Copy, Debug)]
pub struct Step {
    /// What is computed, for the thinking.
    pub what: &'static str,
    /// The first operand.
    pub a: &'static str,
    /// `+`, `-`, `×` or `÷`; differences are above 0, quotients exact.
    pub op: char,
    /// The second operand.
    pub b: &'static str,
}

/// One story.
#[derive(Clone, Copy, Debug)]
pub struct Story {
    /// Name in the problem's JSON.
    pub name: &'static str,
    /// Least and greatest value of each number.
    pub ranges: &'static [(u64, u64)],
    /// What is computed, in order; the last result is the answer.
    pub steps: &'static [Step],
    /// Ways to tell it.
    pub tellings: &'static [&'static str],
    /// One in Chinese.
    pub chinese: &'static str,
    /// The reply.
    pub reply: &'static str,
}

const fn step(what: &'static str, a: &'static str, op: char, b: &'static str) -> Step {
    Step { what, a, op, b }
}

/// First names.
pub const NAMES: &[&str] = &[
    "Tom", "Anna", "Sam", "Lisa", "Max", "Nina", "Paul", "Rosa", "Leo", "Mia", "Omar", "Yuki", "Ivan", "Lena", "Raj",
    "Sara",
];

/// All stories.
pub const STORIES: &[Story] = &[
    Story {
        name: "shopping change",
        ranges: &[(2, 9), (2, 9), (50, 99)],
        steps: &[step("cost", "a", '×', "b"), step("change", "c", '-', "1")],
        tellings: &[
            "{name} buys {a} books at {b} dollars each and pays with {c} dollars. How much change does {name} get?",
            "A book costs {b} dollars. {name} takes {a} of them and gives {c} dollars. How many dollars come back?",
        ],
        chinese: "{name}买了{a}本书，每本{b}元，付了{c}元。应找回多少元？",
        reply: "The change is {r} dollars.",
    },
    Story {
        name: "two speeds",
        ranges: &[(2, 9), (20, 90), (10, 99)],
        steps: &[step("first part", "a", '×', "b"), step("whole way", "1", '+', "c")],
        tellings: &[
            "{name} drives {a} hours at {b} kilometers per hour and then another {c} kilometers. How far is that in all?",
            "A train runs {b} kilometers an hour for {a} hours, then {c} kilometers more. How many kilometers does it cover?",
        ],
        chinese: "{name}以每小时{b}千米的速度开了{a}小时，又开了{c}千米。一共开了多少千米？",
        reply: "The whole way is {r} kilometers.",
    },
    Story {
        name: "ages sum",
        ranges: &[(5, 40), (2, 30)],
        steps: &[step("{other}", "a", '+', "b"), step("together", "a", '+', "1")],
        tellings: &[
            "{name} is {a} years old. {other} is {b} years older. How old are they together?",
            "{other} is {b} years older than {name}, who is {a}. What is the sum of their ages?",
        ],
        chinese: "{name}今年{a}岁，{other}比{name}大{b}岁。两人年龄之和是多少？",
        reply: "Together they are {r} years old.",
    },
    Story {
        name: "age then",
        ranges: &[(2, 9), (3, 12), (2, 30)],
        steps: &[step("{other} now", "a", '×', "b"), step("{other} then", "1", '+', "c")],
        tellings: &[
            "{name} is {b} years old and {other} is {a} times as old. How old will {other} be in {c} years?",
            "{other} is {a} times as old as {name}, who is {b}. What will {other}'s age be {c} years from now?",
        ],
        chinese: "{name}{b}岁，{other}的年龄是{name}的{a}倍。{c}年后{other}多少岁？",
        reply: "{other} will be {r} years old.",
    },
    Story {
        name: "share after",
        ranges: &[(20, 99), (2, 30), (2, 9)],
        steps: &[step("left", "a", '-', "b"), step("each", "1", '÷', "c")],
        tellings: &[
            "{name} has {a} sweets, eats {b} and shares the rest equally among {c} friends. How many does each friend get?",
            "Of {a} sweets {name} keeps {b}; the rest is shared equally by {c} children. How many sweets does each child get?",
        ],
        chinese: "{name}有{a}颗糖，吃了{b}颗，剩下的平均分给{c}个朋友。每人得几颗？",
        reply: "Each gets {r} sweets.",
    },
    Story {
        name: "rate back",
        ranges: &[(12, 99), (2, 9), (2, 9)],
        steps: &[step("in one hour", "a", '÷', "b"), step("in {c} hours", "1", '×', "c")],
        tellings: &[
            "A machine makes {a} parts in {b} hours. How many parts does it make in {c} hours?",
            "{name} packs {a} boxes in {b} hours. At this rate, how many boxes does {name} pack in {c} hours?",
        ],
        chinese: "一台机器{b}小时生产{a}个零件。照这样，{c}小时生产多少个？",
        reply: "In {c} hours it is {r}.",
    },
    Story {
        name: "rectangle",
        ranges: &[(2, 40), (2, 40)],
        steps: &[step("length and width", "a", '+', "b"), step("around", "1", '×', "=2")],
        tellings: &[
            "A garden is {a} meters long and {b} meters wide. How long is the fence around it?",
            "What is the perimeter of a rectangle with sides {a} and {b}?",
        ],
        chinese: "一个长方形长{a}米，宽{b}米，周长是多少米？",
        reply: "The length around is {r}.",
    },
    Story {
        name: "average of two",
        ranges: &[(2, 99), (2, 99)],
        steps: &[step("sum", "a", '+', "b"), step("average", "1", '÷', "=2")],
        tellings: &[
            "{name} scores {a} points in one game and {b} in another. What is the average?",
            "What is the mean of {a} and {b}?",
        ],
        chinese: "{name}两场比赛得了{a}分和{b}分，平均多少分？",
        reply: "The average is {r}.",
    },
    Story {
        name: "times more",
        ranges: &[(2, 9), (3, 30)],
        steps: &[step("{other}", "a", '×', "b"), step("together", "1", '+', "b")],
        tellings: &[
            "{name} has {b} stamps and {other} has {a} times as many. How many do they have together?",
            "{other} owns {a} times as many stamps as {name}, who owns {b}. How many stamps are there in all?",
        ],
        chinese: "{name}有{b}张邮票，{other}的邮票是{name}的{a}倍。两人一共有多少张？",
        reply: "Together they have {r} stamps.",
    },
    Story {
        name: "two purchases",
        ranges: &[(2, 9), (2, 9), (2, 9), (2, 9)],
        steps: &[step("pens", "a", '×', "b"), step("books", "c", '×', "d"), step("all", "1", '+', "2")],
        tellings: &[
            "{name} buys {a} pens at {b} dollars each and {c} books at {d} dollars each. What does it all cost?",
            "Pens cost {b} dollars, books {d} dollars. How much do {a} pens and {c} books cost together?",
        ],
        chinese: "{name}买了{a}支笔，每支{b}元，又买了{c}本书，每本{d}元。一共多少元？",
        reply: "It all costs {r} dollars.",
    },
    Story {
        name: "average of three",
        ranges: &[(2, 60), (2, 60), (2, 60)],
        steps: &[step("first two", "a", '+', "b"), step("sum", "1", '+', "c"), step("average", "2", '÷', "=3")],
        tellings: &[
            "{name} runs {a}, {b} and {c} minutes on three days. What is the average?",
            "What is the mean of {a}, {b} and {c}?",
        ],
        chinese: "三天里{name}分别跑了{a}、{b}和{c}分钟，平均每天多少分钟？",
        reply: "The average is {r}.",
    },
    Story {
        name: "meeting",
        ranges: &[(10, 60), (10, 60), (2, 9), (2, 99)],
        steps: &[
            step("together in one hour", "a", '+', "b"),
            step("together in {c} hours", "1", '×', "c"),
            step("whole", "2", '+', "d"),
        ],
        tellings: &[
            "Two cars start towards each other, at {a} and {b} kilometers per hour. After {c} hours they are still {d} kilometers apart. How far apart were they at first?",
            "{name} and {other} cycle towards each other at {a} and {b} kilometers an hour. After {c} hours, {d} kilometers are left between them. How long is the way?",
        ],
        chinese: "两辆车相向而行，速度分别是每小时{a}千米和{b}千米，{c}小时后还相距{d}千米。原来相距多少千米？",
        reply: "The way is {r} kilometers.",
    },
    Story {
        name: "garden rows",
        ranges: &[(2, 9), (2, 12), (2, 40), (2, 30)],
        steps: &[step("planted", "a", '×', "b"), step("after the frost", "1", '-', "c"), step("now", "2", '+', "d")],
        tellings: &[
            "{name} plants {a} rows of {b} flowers. {c} of them freeze, then {name} plants {d} more. How many flowers are there now?",
            "In {a} rows stand {b} flowers each. Frost takes {c}, and {d} new ones are planted. How many flowers are there in the end?",
        ],
        chinese: "{name}种了{a}行花，每行{b}棵，冻死了{c}棵，又种了{d}棵。现在有多少棵？",
        reply: "There are {r} flowers now.",
    },
    Story {
        name: "left for each",
        ranges: &[(2, 9), (4, 12), (2, 30), (2, 9)],
        steps: &[step("all", "a", '×', "b"), step("left", "1", '-', "c"), step("each", "2", '÷', "d")],
        tellings: &[
            "{name} has {a} boxes of {b} apples, gives away {c} apples and shares the rest equally among {d} people. How many apples does each get?",
            "From {a} boxes with {b} apples each, {c} apples are sold. The rest goes in equal parts to {d} families. How many apples does each family get?",
        ],
        chinese: "{name}有{a}箱苹果，每箱{b}个，送走{c}个，剩下的平均分给{d}人。每人得几个？",
        reply: "Each gets {r} apples.",
    },
    Story {
        name: "savings",
        ranges: &[(2, 30), (2, 9), (2, 30), (2, 60)],
        steps: &[
            step("in {b} weeks", "a", '×', "b"),
            step("with the gift", "1", '+', "c"),
            step("left", "2", '-', "d"),
        ],
        tellings: &[
            "{name} saves {a} dollars a week for {b} weeks, gets {c} dollars as a gift and spends {d} dollars. How much is left?",
            "For {b} weeks {name} puts {a} dollars aside every week. {other} adds {c} dollars. Then {name} buys something for {d} dollars. How many dollars remain?",
        ],
        chinese: "{name}每周存{a}元，存了{b}周，又得到{c}元，花掉{d}元。还剩多少元？",
        reply: "{r} dollars are left.",
    },
    Story {
        name: "tank",
        ranges: &[(2, 20), (2, 20), (2, 12), (5, 90)],
        steps: &[
            step("in one minute", "a", '+', "b"),
            step("in {c} minutes", "1", '×', "c"),
            step("in the tank", "2", '+', "d"),
        ],
        tellings: &[
            "Two pipes bring {a} and {b} liters a minute into a tank that holds {d} liters already. How many liters are in it after {c} minutes?",
            "A tank has {d} liters in it. One pipe adds {a} liters a minute, another {b}. What does it hold after {c} minutes?",
        ],
        chinese: "水池里有{d}升水，两根水管每分钟分别注入{a}升和{b}升。{c}分钟后有多少升水？",
        reply: "The tank holds {r} liters.",
    },
    Story {
        name: "purchases and change",
        ranges: &[(2, 9), (2, 6), (2, 9), (2, 6)],
        steps: &[
            step("pens", "a", '×', "b"),
            step("books", "c", '×', "d"),
            step("all", "1", '+', "2"),
            step("change", "=100", '-', "3"),
        ],
        tellings: &[
            "{name} buys {a} pens at {b} dollars and {c} books at {d} dollars and pays with a 100 dollar note. How much change is there?",
            "{a} pens at {b} dollars each, {c} books at {d} dollars each: how much is left of 100 dollars?",
        ],
        chinese: "{name}买了{a}支{b}元的笔和{c}本{d}元的书，付了100元。应找回多少元？",
        reply: "The change is {r} dollars.",
    },
    Story {
        name: "three ages",
        ranges: &[(3, 20), (2, 4), (1, 15)],
        steps: &[
            step("second", "a", '×', "b"),
            step("third", "1", '+', "c"),
            step("first two", "a", '+', "1"),
            step("all", "3", '+', "2"),
        ],
        tellings: &[
            "{name} is {a}. {other} is {b} times as old. Their teacher is {c} years older than {other}. How old are the three together?",
            "{other} is {b} times as old as {name}, who is {a}; the teacher is {c} years older than {other}. What is the sum of the three ages?",
        ],
        chinese: "{name}{a}岁，{other}的年龄是{name}的{b}倍，老师比{other}大{c}岁。三人年龄之和是多少？",
        reply: "Together they are {r} years old.",
    },
    Story {
        name: "average of four",
        ranges: &[(2, 40), (2, 40), (2, 40), (2, 40)],
        steps: &[
            step("first two", "a", '+', "b"),
            step("first three", "1", '+', "c"),
            step("sum", "2", '+', "d"),
            step("average", "3", '÷', "=4"),
        ],
        tellings: &[
            "The days of a week end had {a}, {b}, {c} and {d} visitors. What is the average?",
            "What is the mean of {a}, {b}, {c} and {d}?",
        ],
        chinese: "四天的游客分别是{a}、{b}、{c}和{d}人，平均每天多少人？",
        reply: "The average is {r}.",
    },
    Story {
        name: "work weeks",
        ranges: &[(2, 8), (3, 5), (8, 15), (5, 90)],
        steps: &[
            step("hours a week", "a", '×', "b"),
            step("pay a week", "1", '×', "c"),
            step("in two weeks", "2", '×', "=2"),
            step("left", "3", '-', "d"),
        ],
        tellings: &[
            "{name} works {a} hours a day, {b} days a week, for {c} dollars an hour. After two weeks {name} spends {d} dollars. How much is left?",
            "At {c} dollars an hour, {a} hours a day and {b} days a week, what has {name} left after two weeks if {d} dollars are spent?",
        ],
        chinese: "{name}每天工作{a}小时，每周{b}天，每小时{c}元。两周后花掉{d}元，还剩多少元？",
        reply: "{r} dollars are left.",
    },
    Story {
        name: "floors",
        ranges: &[(2, 6), (2, 9), (2, 9), (2, 30)],
        steps: &[
            step("rows", "a", '×', "b"),
            step("seats", "1", '×', "c"),
            step("free", "2", '-', "d"),
            step("half of the free", "3", '÷', "=2"),
        ],
        tellings: &[
            "A hall has {a} blocks of {b} rows with {c} seats each. {d} seats are taken, and half of the free ones are sold. How many seats are sold?",
            "{a} blocks, {b} rows in each, {c} seats in each row; {d} seats are taken. Half of the others are reserved. How many are reserved?",
        ],
        chinese: "大厅有{a}个区，每区{b}排，每排{c}个座位，已坐{d}人。空座位的一半被预订了，是多少个？",
        reply: "It is {r} seats.",
    },
    Story {
        name: "bus stops",
        ranges: &[(10, 50), (2, 15), (2, 15), (2, 9)],
        steps: &[
            step("after the first stop", "a", '+', "b"),
            step("after the second stop", "1", '-', "c"),
            step("on at the third stop", "d", '×', "=2"),
            step("now", "2", '+', "3"),
        ],
        tellings: &[
            "A bus has {a} passengers. At the first stop {b} get on, at the second {c} get off, at the third twice {d} get on. How many are on the bus now?",
            "{a} people sit in a bus; {b} get on, then {c} get off, then two groups of {d} get on. How many people are there now?",
        ],
        chinese: "车上有{a}人，第一站上来{b}人，第二站下去{c}人，第三站上来两批，每批{d}人。现在有多少人？",
        reply: "There are {r} people on the bus now.",
    },
];
