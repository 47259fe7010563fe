import type { Words } from "./en.ts";
import type { Grammar, Part } from "./grammar.ts";

/** Nobody is spoken to as a man or a woman where it can be avoided: nouns of action instead of imperatives. */
export const ar = ({ number, plural, list }: Grammar) =>
  ({
    language: "اللغة",
    asBrowser: "كما في المتصفح",
    tryAgain: "إعادة المحاولة",
    signIn: {
      joinTitle: "أهلًا بانضمامك",
      joinHint: "اسم وكلمة مرور، لا أكثر.",
      logInTitle: "مرحبًا بعودتك",
      logInHint: "الدخول إلى LiquidChat.",
      name: "الاسم",
      password: "كلمة المرور",
      showPassword: "إظهار كلمة المرور",
      hidePassword: "إخفاء كلمة المرور",
      join: "إنشاء الحساب",
      logIn: "تسجيل الدخول",
      isNew: "أول زيارة لك؟",
      toJoin: "إنشاء حساب",
      isKnown: "لديك حساب؟",
      toLogIn: "تسجيل الدخول",
      nameMissing: "الاسم مطلوب هنا.",
      passwordMissing: "كلمة المرور مطلوبة.",
      refused: "الاسم وكلمة المرور غير متطابقين.",
      tooMany: (seconds) =>
        plural(seconds, {
          one: "محاولات كثيرة جدًا. يرجى الانتظار ثانية واحدة ثم المحاولة من جديد.",
          two: "محاولات كثيرة جدًا. يرجى الانتظار ثانيتين ثم المحاولة من جديد.",
          few: "محاولات كثيرة جدًا. يرجى الانتظار # ثوانٍ ثم المحاولة من جديد.",
          other: "محاولات كثيرة جدًا. يرجى الانتظار # ثانية ثم المحاولة من جديد.",
        }),
    },
    reset: {
      title: "كلمة مرور جديدة",
      hint: "هذا الرابط صالح لمرة واحدة. ستنتهي كل جلساتك.",
      password: "كلمة المرور الجديدة",
      set: "تعيين كلمة المرور",
      doneTitle: "تم ذلك",
      doneHint: "أصبحت كلمة مرورك جديدة، وانتهت كل الجلسات السابقة.",
      linkOver: "استُخدم هذا الرابط من قبل أو مضى عليه أكثر من ساعة. يرجى طلب رابط آخر.",
    },
    strength: {
      none: `${number(8)} أحرف على الأقل. والأفضل بضع كلمات لا رابط بينها.`,
      short: (missing) =>
        plural(missing, {
          one: "بقي حرف واحد.",
          two: "بقي حرفان.",
          few: "بقيت # أحرف.",
          other: "بقي # حرفًا.",
        }),
      name: "فيها اسمك، وهو أول ما يجرّبه أي شخص.",
      easy: "سهلة التخمين. كلمة أخرى تقوّيها.",
      good: "جيدة.",
      strong: "قوية.",
    },
    goodbye: {
      expired: "انتهت جلستك. يمكنك تسجيل الدخول للمتابعة، وما لم يُرسل بعد محفوظ.",
      disabled: "هذا الحساب معطّل.",
      untold: "تم تسجيل خروجك هنا. تعذّر إبلاغ الخادم، وستنتهي الجلسة لديه من تلقاء نفسها.",
    },
    fields: {
      username: {
        required: "الاسم مطلوب هنا.",
        invalid: `يتكوّن الاسم من ${number(2)} إلى ${number(32)} حرفًا ورقمًا من خط واحد، ويجوز أن تتخلله ‎. _ - @ +‎`,
        taken: "هذا الاسم مأخوذ، أو يشبه اسمًا مأخوذًا.",
      },
      password: {
        required: "كلمة المرور مطلوبة.",
        weak: `سهلة التخمين أو تشبه اسمك. المطلوب كلمة مرور من ${number(8)} إلى ${number(128)} حرفًا، والأفضل بضع كلمات لا رابط بينها.`,
      },
      any: {
        required: "ينقص شيء هنا.",
        invalid: "هذا غير صحيح بعد.",
        mismatch: "القيمتان غير متطابقتين.",
      },
    },
    errors: {
      offline: "تعذّر الوصول إلى الخادم. يرجى التحقق من الاتصال ثم المحاولة من جديد.",
      unavailable: "لا يستطيع الخادم فعل ذلك الآن. يرجى المحاولة بعد قليل.",
      internal: "حدث خطأ ما لدى الخادم.",
      rate_limited: "كان ذلك كثيرًا دفعة واحدة. يرجى الانتظار قليلًا ثم المحاولة من جديد.",
      too_long: "الرسالة طويلة جدًا. يمكن إرسالها على أجزاء.",
      empty: "لم يبقَ من هذه الرسالة ما يمكن عرضه.",
      forbidden: "هذا غير مسموح لك هنا.",
      not_found: "لم يعد هذا موجودًا.",
      idempotency_mismatch: "أُرسلت رسالة أخرى مكانها.",
    },
    everyone: "الجميع",
    you: "أنت",
    online: "متصل",
    offline: "غير متصل",
    isOnline: "(متصل)",
    typing: "يكتب…",
    people: {
      find: "البحث عن أشخاص",
      clear: "مسح البحث",
      found: "أشخاص",
      nobody: "لا أحد بهذا الاسم.",
      failed: "تعذّر البحث عن أشخاص الآن.",
      notOpened: "تعذّر فتح المحادثة. يرجى المحاولة من جديد.",
    },
    rooms: {
      list: "الغرف",
      byMe: (text: Part): Part => ["أنت: ", text],
      emptyGlobal: "تحية للجميع",
      emptyDirect: "لم يُقل شيء بعد",
      older: "محادثات أقدم",
      olderFailed: "لم ينجح ذلك. إعادة المحاولة",
      unread: (count) =>
        plural(count, {
          one: "رسالة واحدة غير مقروءة",
          two: "رسالتان غير مقروءتين",
          few: "# رسائل غير مقروءة",
          other: "# رسالة غير مقروءة",
        }),
    },
    account: {
      colours: { system: "الألوان: كما في النظام", light: "الألوان: فاتحة", dark: "الألوان: داكنة" },
      logOut: "تسجيل الخروج",
    },
    room: {
      online: (count) =>
        plural(count, {
          zero: "لا أحد متصل",
          one: "شخص واحد متصل",
          two: "شخصان متصلان",
          few: "# أشخاص متصلون",
          many: "# شخصًا متصلًا",
          other: "# شخص متصل",
        }),
      lastSeen: (ago) => `آخر ظهور ${ago}`,
      connectAgain: "انقطع الاتصال. إعادة الاتصال",
      reconnecting: "جارٍ إعادة الاتصال…",
      offline: "لا يوجد اتصال بالشبكة",
      messages: "الرسائل",
      older: "رسائل أقدم…",
      olderFailed: "تعذّر تحميل الرسائل الأقدم. إعادة المحاولة",
      loading: "جارٍ التحميل…",
      failed: "تعذّر تحميل الرسائل. إعادة المحاولة",
      emptyGlobal: "الهدوء يعمّ المكان. لك الكلمة الأولى.",
      emptyDirect: "محادثة جديدة، لا يراها سواكما.",
      isTyping: (name: Part): Part => [name, " يكتب الآن"],
      toLatest: "إلى الأحدث",
      toLatestNew: (count) =>
        plural(count, {
          one: "إلى الأحدث، رسالة جديدة",
          two: "إلى الأحدث، رسالتان جديدتان",
          few: "إلى الأحدث، # رسائل جديدة",
          other: "إلى الأحدث، # رسالة جديدة",
        }),
      countNew: (count) => plural(count, { other: "# جديدة" }),
      message: "الرسالة",
      send: "إرسال",
    },
    message: {
      new: "جديد",
      says: (name) => `${name}:`,
      states: {
        queued: "في انتظار الإرسال",
        sending: "جارٍ الإرسال",
        sent: "أُرسلت",
        read: "قُرئت",
        failed: "لم تُرسل",
      },
      notSent: "لم تُرسل الرسالة.",
      discard: "تجاهل",
      heard: (name, text) => `${name}: ${text}`,
      heardMany: (count, names, others) => {
        const from = list([...names, ...(others ? ["آخرين"] : [])]);
        return plural(count, {
          one: `رسالة جديدة من ${from}`,
          two: `رسالتان جديدتان من ${from}`,
          few: `# رسائل جديدة من ${from}`,
          other: `# رسالة جديدة من ${from}`,
        });
      },
    },
    count: (n, atMost) => (n > atMost ? `${number(atMost)}+` : number(n)),
  }) satisfies Words;
