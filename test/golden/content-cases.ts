/** What a conversation holds: text, media, documents, roles. */
import { MP4, PDF, PNG, WAV, settings, userParts, type GoldenCase } from "./golden-case.ts";

const text = "Read it.";
const chatText = { type: "text", text };
const inputText = { type: "input_text", text };

export const contentCases: readonly GoldenCase[] = [
  settings("text", {
    chat: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Go on" },
      ],
    },
    responses: {
      input: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: [{ type: "output_text", text: "Hello" }] },
        { role: "user", content: "Go on" },
      ],
    },
    messages: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Go on" },
      ],
    },
    gemini: {
      contents: [
        { role: "user", parts: [{ text: "Hi" }] },
        { role: "model", parts: [{ text: "Hello" }] },
        { role: "user", parts: [{ text: "Go on" }] },
      ],
    },
  }),
  settings("system blocks", {
    chat: {
      messages: [
        { role: "system", content: "Be brief." },
        { role: "developer", content: "Be kind." },
        { role: "user", content: "Hi" },
      ],
    },
    responses: {
      instructions: "Be brief.",
      input: [
        { role: "developer", content: "Be kind." },
        { role: "user", content: "Hi" },
      ],
    },
    messages: {
      system: [
        { type: "text", text: "Be brief." },
        { type: "text", text: "Be kind." },
      ],
    },
    gemini: { systemInstruction: { parts: [{ text: "Be brief." }, { text: "Be kind." }] } },
  }),
  settings("system in mid-conversation", {
    chat: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "system", content: "Answer in French." },
        { role: "user", content: "Go on" },
      ],
    },
    responses: {
      input: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "developer", content: "Answer in French." },
        { role: "user", content: "Go on" },
      ],
    },
    messages: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: "Hello" },
        { role: "user", content: "Wait" },
        { role: "system", content: "Answer in French." },
        { role: "user", content: "Go on" },
      ],
    },
  }),
  settings("prefill", {
    chat: {
      messages: [
        { role: "user", content: "Count." },
        { role: "assistant", content: "One, two," },
      ],
    },
    responses: {
      input: [
        { role: "user", content: "Count." },
        { role: "assistant", content: "One, two," },
      ],
    },
    messages: {
      messages: [
        { role: "user", content: "Count." },
        { role: "assistant", content: "One, two," },
      ],
    },
    gemini: {
      contents: [
        { role: "user", parts: [{ text: "Count." }] },
        { role: "model", parts: [{ text: "One, two," }] },
      ],
    },
  }),
  settings("participant's name", { chat: { messages: [{ role: "user", name: "Ada", content: "Hi" }] } }),
  userParts("image, base64", {
    chat: [chatText, { type: "image_url", image_url: { url: `data:image/png;base64,${PNG}` } }],
    responses: [inputText, { type: "input_image", image_url: `data:image/png;base64,${PNG}` }],
    messages: [chatText, { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } }],
    gemini: [{ text }, { inlineData: { mimeType: "image/png", data: PNG } }],
  }),
  userParts("image, by address", {
    chat: [chatText, { type: "image_url", image_url: { url: "https://example.com/a.png" } }],
    responses: [inputText, { type: "input_image", image_url: "https://example.com/a.png" }],
    messages: [chatText, { type: "image", source: { type: "url", url: "https://example.com/a.png" } }],
    gemini: [{ text }, { fileData: { mimeType: "image/png", fileUri: "https://example.com/a.png" } }],
  }),
  userParts("image detail", {
    chat: [chatText, { type: "image_url", image_url: { url: "https://example.com/a.png", detail: "high" } }],
    responses: [inputText, { type: "input_image", image_url: "https://example.com/a.png", detail: "high" }],
    gemini: [
      { text },
      {
        inlineData: { mimeType: "image/png", data: PNG },
        mediaResolution: { level: "MEDIA_RESOLUTION_HIGH" },
      },
    ],
  }),
  userParts("file of the vendor's store", {
    chat: [chatText, { type: "file", file: { file_id: "file-1" } }],
    responses: [inputText, { type: "input_file", file_id: "file-1" }],
    messages: [chatText, { type: "document", source: { type: "file", file_id: "file_1" } }],
    gemini: [
      { text },
      {
        fileData: {
          mimeType: "application/pdf",
          fileUri: "https://generativelanguage.googleapis.com/v1beta/files/f1",
        },
      },
    ],
  }),
  userParts("document, PDF in base64", {
    chat: [
      chatText,
      { type: "file", file: { filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` } },
    ],
    responses: [
      inputText,
      { type: "input_file", filename: "a.pdf", file_data: `data:application/pdf;base64,${PDF}` },
    ],
    messages: [
      chatText,
      {
        type: "document",
        title: "a.pdf",
        source: { type: "base64", media_type: "application/pdf", data: PDF },
      },
    ],
    gemini: [{ text }, { inlineData: { mimeType: "application/pdf", data: PDF } }],
  }),
  userParts("document, PDF by address", {
    responses: [inputText, { type: "input_file", file_url: "https://example.com/a.pdf" }],
    messages: [chatText, { type: "document", source: { type: "url", url: "https://example.com/a.pdf" } }],
    gemini: [{ text }, { fileData: { mimeType: "application/pdf", fileUri: "https://example.com/a.pdf" } }],
  }),
  userParts("document, plain text", {
    chat: [
      chatText,
      { type: "file", file: { filename: "a.txt", file_data: "data:text/plain;base64,aGVsbG8=" } },
    ],
    responses: [
      inputText,
      { type: "input_file", filename: "a.txt", file_data: "data:text/plain;base64,aGVsbG8=" },
    ],
    messages: [
      chatText,
      {
        type: "document",
        title: "A",
        context: "from the desk",
        citations: { enabled: true },
        source: { type: "text", media_type: "text/plain", data: "hello" },
      },
    ],
    gemini: [{ text }, { inlineData: { mimeType: "text/plain", data: "aGVsbG8=" } }],
  }),
  userParts("document of blocks", {
    messages: [
      chatText,
      {
        type: "document",
        source: {
          type: "content",
          content: [
            { type: "text", text: "hello" },
            { type: "image", source: { type: "base64", media_type: "image/png", data: PNG } },
          ],
        },
      },
    ],
  }),
  userParts("search result", {
    messages: [
      {
        type: "search_result",
        source: "https://example.com",
        title: "Example",
        content: [{ type: "text", text: "hello" }],
        citations: { enabled: true },
      },
      chatText,
    ],
  }),
  userParts("audio", {
    chat: [chatText, { type: "input_audio", input_audio: { format: "wav", data: WAV } }],
    gemini: [{ text }, { inlineData: { mimeType: "audio/wav", data: WAV } }],
  }),
  userParts("video", {
    chat: [chatText, { type: "video_url", video_url: { url: "https://example.com/a.mp4" } }],
    gemini: [
      { text },
      {
        inlineData: { mimeType: "video/mp4", data: MP4 },
        videoMetadata: { startOffset: "1s", endOffset: "2s", fps: 2 },
      },
    ],
  }),
  settings("citations in the history", {
    chat: {
      messages: [
        { role: "user", content: "Hi" },
        {
          role: "assistant",
          content: "It says so.",
          annotations: [
            {
              type: "url_citation",
              url_citation: { start_index: 0, end_index: 2, title: "E", url: "https://example.com" },
            },
          ],
        },
        { role: "user", content: "Go on" },
      ],
    },
    responses: {
      input: [
        { role: "user", content: "Hi" },
        {
          type: "message",
          id: "msg_1",
          status: "completed",
          role: "assistant",
          content: [
            {
              type: "output_text",
              text: "It says so.",
              annotations: [
                {
                  type: "url_citation",
                  start_index: 0,
                  end_index: 2,
                  title: "E",
                  url: "https://example.com",
                },
              ],
            },
          ],
        },
        { role: "user", content: "Go on" },
      ],
    },
    messages: {
      messages: [
        { role: "user", content: "Hi" },
        {
          role: "assistant",
          content: [
            {
              type: "text",
              text: "It says so.",
              citations: [
                {
                  type: "char_location",
                  cited_text: "so",
                  document_index: 0,
                  document_title: "A",
                  start_char_index: 0,
                  end_char_index: 2,
                },
              ],
            },
          ],
        },
        { role: "user", content: "Go on" },
      ],
    },
  }),
  settings("refusal in the history", {
    chat: {
      messages: [
        { role: "user", content: "Hi" },
        { role: "assistant", content: null, refusal: "I cannot." },
        { role: "user", content: "Why?" },
      ],
    },
    responses: {
      input: [
        { role: "user", content: "Hi" },
        {
          type: "message",
          id: "msg_1",
          status: "completed",
          role: "assistant",
          content: [{ type: "refusal", refusal: "I cannot." }],
        },
        { role: "user", content: "Why?" },
      ],
    },
  }),
  settings("cache breakpoints", {
    chat: {
      messages: [
        {
          role: "system",
          content: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral" } }],
        },
        { role: "user", content: "Hi" },
      ],
    },
    messages: {
      system: [{ type: "text", text: "Be brief.", cache_control: { type: "ephemeral", ttl: "1h" } }],
      messages: [
        {
          role: "user",
          content: [{ type: "text", text: "Hi", cache_control: { type: "ephemeral" } }],
        },
      ],
    },
  }),
];
