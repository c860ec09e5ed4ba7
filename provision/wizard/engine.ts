/**
 * The wizard's loop: asks what is not answered, goes back when told to, and keeps the draft after each answer. Which
 * question comes next follows from the draft alone, so that a wizard that starts again goes on where the last one was.
 */
import type { Dialogue } from './dialogue/dialogue.ts';
import type { Machine } from './machine.ts';
import { type Draft, type QuestionId, saveDraft } from './progress.ts';
import type { Change, Question, QuestionContext } from './questions/question.ts';
import { Back, Cancelled } from './signals.ts';

/** What a wizard knows while it runs. */
export interface Session {
  readonly draft: Draft;
  /** Of the config volume, while that is open. */
  readonly passphrase: string | undefined;
}

export interface WizardContext {
  readonly dialogue: Dialogue;
  readonly machine: Machine;
  readonly questions: readonly Question[];
}

/** Asks whatever is not answered yet; returns when everything is. */
export async function askOpenQuestions(context: WizardContext, begun: Session): Promise<Session> {
  let session = begun;
  /** The question that Esc led to, though it is answered. */
  let wanted: QuestionId | undefined;
  for (;;) {
    const asked = await askedQuestions(context, session);
    const index = asked.findIndex(({ id }) => (wanted ? id === wanted : !session.draft.answered.has(id)));
    const question = asked[index];
    if (!question) return session;
    wanted = undefined;
    try {
      session = await askQuestion(context, session, question, { number: index + 1, of: asked.length });
    } catch (error) {
      if (!(error instanceof Back)) throw error;
      wanted = asked[Math.max(0, index - 1)]?.id;
    }
  }
}

/** Asks one question, answered or not, and keeps what it changes. @throws {Back} */
export async function askQuestion(
  context: WizardContext,
  session: Session,
  question: Question,
  place?: { readonly number: number; readonly of: number },
): Promise<Session> {
  const { dialogue } = context;
  const count = place ? `${place.number} of ${place.of}: ` : '';
  dialogue.say(`\n${heading(`${count}${question.title}`)}\n${question.why}\n`);
  for (;;) {
    try {
      const change = await question.ask(questionContext(context, session));
      const changed = applyChange(session, question.id, change);
      await saveDraft(context.machine, changed.draft, changed.passphrase !== undefined);
      return changed;
    } catch (error) {
      // Ctrl-C gave up something that the question was doing; the question itself is still open.
      if (!(error instanceof Cancelled)) throw error;
      dialogue.say('Given up. Once more:');
    }
  }
}

/** Pure: the session after an answer. */
export function applyChange(session: Session, id: QuestionId, change: Change): Session {
  const { draft } = session;
  const without: ReadonlySet<string> = new Set(change.without);
  const answers = Object.fromEntries(
    Object.entries({ ...draft.answers, ...change.answers }).filter(([name]) => !without.has(name)),
  ) as Draft['answers'];
  const answered = new Set(draft.answered).add(id);
  for (const reopened of change.reopens ?? []) answered.delete(reopened);
  return {
    draft: { answers, answered, facts: { ...draft.facts, ...change.facts } },
    passphrase: change.passphrase ?? session.passphrase,
  };
}

export async function askedQuestions(context: WizardContext, session: Session): Promise<Question[]> {
  const asked: Question[] = [];
  for (const question of context.questions) {
    if ((await question.isAsked?.(questionContext(context, session))) ?? true) asked.push(question);
  }
  return asked;
}

function questionContext({ dialogue, machine }: WizardContext, session: Session): QuestionContext {
  return { dialogue, machine, draft: session.draft, passphrase: session.passphrase };
}

function heading(title: string): string {
  return `--- ${title} ---`;
}
