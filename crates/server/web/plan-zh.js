// The planner's own words in Chinese. Arithmetic and sources stay as the planner wrote them.

const WORDS = {
  "The bill to expect": "预计账单", tokens: "token", "chip-hours": "芯片小时", dollars: "美元", published: "已发表", "as published runs vary": "按已发表训练的差异", "off by": "偏差",
  "A step, by what the pipeline does": "每一步：流水线在做什么", seconds: "秒", share: "占比", total: "合计", bubble: "气泡", optimizer: "优化器",
  "pre-training": "预训练", "longer contexts": "更长上下文", "post-training": "后训练", training: "训练", "data for fine-tuning": "微调数据",
  "DeepSeek-R1-Zero: reinforcement learning": "DeepSeek-R1-Zero：强化学习", "DeepSeek-R1: reinforcement learning": "DeepSeek-R1：强化学习",
  "A step, by what the chips spend it on": "每一步：芯片的时间花在哪里", "A step of every rank of a pipeline": "流水线各级的一步",
  "matrix products": "矩阵乘法", attention: "注意力", "memory bandwidth": "内存带宽", communication: "通信", bubbles: "气泡",
  parameters: "参数", "active parameters": "激活参数", "operations a token": "每个 token 的运算", "streaming through memory": "内存流量",
  "communication that nothing hides": "无法掩盖的通信", step: "每步", "tokens a day": "每天 token", "causal MFU": "因果 MFU",
  "memory of the fullest chip": "最满芯片的内存", "failures and checkpoints": "故障与检查点", energy: "能量", "all phases": "所有阶段",
  run: "训练", rollout: "采样", probabilities: "概率", "moving models": "搬移模型", assumed: "假设",
  "The run, by what the chips do": "整个训练：芯片在做什么", "communication that is hidden": "被掩盖的通信", "what a chip sends in a step": "每步每块芯片发送的数据",
  "the optimizer": "优化器", updates: "更新", simulated: "模拟得出", "not published": "未公开", "the same": "同上",
  "A part marked (published) is not derived: the published figure stands in, on other chips as much larger or smaller as the derived parts.":
    "标有“已发表”的部分不是推导出来的，用的是已发表的数字；在其他芯片上按推导部分的比例换算。",
  "Failures are those of Llama 3's cluster; research, ablations, data and people are not in it.": "故障率取自 Llama 3 的集群；不含研究、消融实验、数据和人员。",
  "Lengths of answers and how the engine runs were partly assumed: see the arithmetic.": "回答长度和引擎的运行方式部分是假设：见算式。",
};

const FORMS = [
  [/^([\d,.]+) chip-hours and (.+) on ([\d,]+) (.+?)s?\.$/, (hours, time, n, chip) => `${n} 块 ${chip}，${period(time)}，${hours} 芯片小时。`],
  [/^A cycle of (.+), answers of (\S+) tokens$/, (run, n) => `${run} 的一轮，回答平均 ${n} token`],
  [/^(\S+) and (.+) on ([\d,]+) (.+?)s?\.$/, (cost, time, n, chip) => `${n} 块 ${chip}，${period(time)}，${cost}。`],
  [/^(.+) \(published\)$/, (name) => `${inChinese(name)}（已发表）`],
  [/^rank (\d+)$/, (n) => `第 ${n} 级`],
  [/^(.+) s, (\d+%)$/, (s, share) => `${s} 秒，${share}`],
  [/^([\d.]+) s$/, (s) => `${s} 秒`],
  [/^(\S+), of which the derived is off by (\S+)$/, (dollars, off) => `${dollars}，推导值偏差 ${off}`],
  [/^Nobody measured products on (.+): the best is assumed to reach ([\d.]+) .*$/,
    (chip, share) => `${chip} 的矩阵乘法没有实测：假设最佳达到峰值的 ${share}。`],
  [/^Price: (.+)\.$/, (source) => `价格：${source}。`],
  [/^Layout: (.+)\.$/, (layout) => `布局：${layout}。`],
  [/^Two constants were fitted .* products reach ([\d.]+) .* streaming ([\d.]+) .* four in five took (\S+) to (\S+) against .*$/,
    (products, streaming, low, high) => `${fitted(products, streaming)}没有参与拟合的已发表训练，五次中有四次的用时相对推导值在 ${low} 到 ${high} 之间（\`penseur plan --published\`）。`],
  [/^Two constants were fitted .* products reach ([\d.]+) .* streaming ([\d.]+) .* they took (\S+) to (\S+) against .*$/,
    (products, streaming, low, high) => `${fitted(products, streaming)}没有参与拟合、带专家的已发表训练很少，用时相对推导值在 ${low} 到 ${high} 之间（\`penseur plan --published\` 列出）。`],
  [/^Two constants were fitted .* products reach ([\d.]+) .* streaming ([\d.]+) .* This run itself took ([\d,]+) chip-hours: (\S+)\. .*$/,
    (products, streaming, hours, off) => `${fitted(products, streaming)}这次训练已发表的是 ${hours} 芯片小时，推导值偏差 ${off}（\`penseur plan --published\` 列出其他训练）。`],
];

const fitted = (products, streaming) =>
  `两个常数按 DeepSeek-V3 已发表的一步拟合：矩阵乘法达到实测最佳的 ${products}，内存流量达到带宽的 ${streaming}。`;

const period = (time) => time.replace("days", "天").replace("min", "分").replace(/ h\b/, " 小时").replace(/ s\b/, " 秒");

/** A text of the planner's in Chinese, or as it is where there is none. */
export function inChinese(text) {
  if (Object.hasOwn(WORDS, text)) return WORDS[text];
  for (const [form, say] of FORMS) {
    const found = text.match(form);
    if (found) return say(...found.slice(1));
  }
  return text;
}
