/// What the paper leaves undefined, what was chosen, and how.
extension PaperResults.Choice {
  private static let fixed =
    "Taken over from a prototype in another framework, which was judged on records of this database too; its own way of choosing is not recorded. Nothing of it was changed after a test figure of this program."
  private static let apart =
    "On other patients than those of the detection tables: records 116 208 209 215 220 223, each in turn unseen. (209, 215, 220 and 223 take part in the classification of rhythms; 215 and 223 are targets beside the VT cell.)"

  static let all: [PaperResults.Choice] = [
    .init(
      matter: "Lead and filter",
      choice:
        "Lead MLII (a record without it: its first ECG lead). Butterworth band-pass of order 2, 0.5 to 40 Hz, zero phase; z-score over the record, which uses no labels but does use the test part's samples; resampled to 128 Hz (rhythms of known patients 64 Hz).",
      how: fixed),
    .init(
      matter: "Window",
      choice:
        "A beat: 128 samples, 0.4 s before to 0.6 s after its annotation. A rhythm: 2 s around a beat. RNN and LSTM read frames of 8 samples.",
      how: fixed),
    .init(
      matter: "What is abnormal",
      choice:
        "Every beat symbol but N; Q and ? (unclassifiable) are left out. A beat's rhythm is that of the last rhythm annotation.",
      how: "By the paper's wording (abnormal against normal heartbeats)."),
    .init(
      matter: "Sizes",
      choice:
        "CNN: kernel 7, ReLU, max-pool; 16 channels and pool 4 (two tasks) or 8 (rhythms), 8 channels and pool 8 (one task a patient). RNN (tanh) and LSTM: hidden 32, last state. Trunk 64 and 64.",
      how: fixed),
    .init(
      matter: "Start",
      choice:
        "Uniform in +-1/sqrt(fan-in); recurrent matrices orthogonal; the LSTM's forget bias 1. The trunk's first matrix has the fan-in of the whole concatenation.",
      how: "Usual practice; not tuned."),
    .init(
      matter: "Optimiser and epochs",
      choice:
        "Adam, 3e-3 falling to 5 % by a cosine, coupled weight decay 1e-4, gradient norm clipped at 1 by group. 600 steps of 64 examples a task (two tasks), 600 of 24 (rhythms), 500 of 16 (known patients), 400 of 16 (unseen, detection), 300 of 16 (unseen, VT).",
      how: fixed),
    .init(
      matter: "Learning rate of the RNN for unseen patients",
      choice: "1e-3, for multi-task and single-task learning, detection and VT alike.",
      how: apart
        + " Detection, balanced accuracy over four seeds: MTL 0.728 against 0.698 with 3e-3, single-task learning 0.751 against 0.747. When the rate was extended to VT, both had been seen on that cell (MTL 0.980, and 0.973 with 3e-3; STL borrowed 0.912 and 0.859)."
    ),
    .init(
      matter: "Dropout",
      choice:
        "0.2 before each trunk layer and the heads; in inconsistent detection none for tasks of patients side by side without slot dropout, while single-task learning, hard sharing and slot dropout keep 0.2 there.",
      how:
        "0.2 is the prototype's. That side by side none is better was first met on record 119, a patient of the tables; it was then decided on the six others (116 208 209 215 220 223, CNN, balanced accuracy): side by side 0.783 without, 0.772 with 0.2; slot dropout 0.775 and 0.782, hard sharing 0.756 and 0.788, single-task learning 0.771 and 0.793. With 0.2 for all, MTL fell behind STL on the six patients of the tables."
    ),
    .init(
      matter: "Split",
      choice:
        "Consistent detection: random by beats (the cell), chronological 60/10/30 % of each record, and 3 minutes of training data beside it. Consistent classification: 60/10/30 % in order of time of each record's beats of each rhythm; validation and test windows within 4 s of a training beat, and test windows within 4 s of a validation beat, are dropped. Inconsistent: the target takes no part; the last 15 % of each source validates.",
      how:
        "The paper names none. Its detection figures suggest a random split; the others are the strictest that leave every class a test part."
    ),
    .init(
      matter: "Balancing",
      choice:
        "Minibatches are drawn by class (9 to 1 and 1 to 9 in the two tasks). Test figures are balanced accuracy: the accuracy on a balanced test set, averaged over all ways to draw one. A single draw by the seed is in paper.json as accuracy.",
      how: "The paper balances training and test data; the mean over draws takes the draw's luck out."),
    .init(
      matter: "Pairing",
      choice:
        "Examples that meet in the trunk are drawn independently for each task; for rhythms the same beat goes to every slot. Class-aligned pairing would let one slot give the label away.",
      how: fixed + " The other pairing stands beside it."),
    .init(
      matter: "Prediction for one beat",
      choice:
        "Detection by two tasks, and VT: the beat through all branches, mean of the heads (broadcast). Rhythms: the same, the likeliest head. Unseen patients, detection: the beat in slot i, mean training parts elsewhere, head i, mean over i (mean). Known patients: the patient's own slot and head. But for known patients, the beat comes without its task, so that the task's class ratio cannot give the label away.",
      how: fixed + " Other protocols stand beside it."),
    .init(
      matter: "Which heads vote",
      choice: "Those that have seen at least 10 training examples of each class.",
      how: "By the training data alone."),
    .init(
      matter: "Borrowing",
      choice:
        "Known patients, and VT: a task with fewer than 10 training examples of a class gets up to 100 of the other sources' training examples, to train on like its own. STL borrowed, alone, finetuned and average have the same; pooled, balanced and wide do without.",
      how: fixed),
    .init(
      matter: "Early stopping",
      choice:
        "Every 50 steps the weights with the best balanced accuracy on validation data are kept, judged as test beats will be (in the inconsistent scenario by each source's own slot).",
      how: "Validation data are part of the training records and are in no test set."),
    .init(
      matter: "Single-task learning",
      choice:
        "The same branch, trunk and budget of examples a step as MTL, from the pool of all sources. pooled: any beat of a class as likely; balanced: patients equally often; wide: as many weights as MTL; borrowed: balanced with MTL's borrowed beats; alone: a network a patient; finetuned: balanced for half of the steps, then a copy a patient; average: as many networks as MTL has heads, each on the whole budget. For unseen patients alone is the mean of the patients' networks.",
      how:
        "The table's STL is the plainest that draws from patients as MTL does; the strongest on the test data is named beside it, which favours STL."
    ),
  ]
}
